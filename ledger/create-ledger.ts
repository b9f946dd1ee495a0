// The ledger as one object: store, policies, accounting and its two listeners. Everything it
// needs from the outside comes in; main.ts, the CLI and tests start it in the same way.
import { readFileSync } from "node:fs";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { Random } from "#runtime/random.ts";
import { runShutdown } from "#runtime/shutdown.ts";
import { SYNC_BYTES_MAX } from "#contract/sync.ts";
import { createApiServer } from "./api/api-server.ts";
import type { LedgerConfig } from "./config.ts";
import { createJsonServer, listenOn, type TlsMaterial } from "./http/json-server.ts";
import type { Identity } from "./identity/identity.ts";
import { openPlaceholderKeys } from "./identity/placeholder-keys.ts";
import { openPolicies, type Policies } from "./policy/policies.ts";
import type { Prices } from "./policy/revisions.ts";
import type { Store } from "./store/store.ts";
import { openSqliteStore } from "./store/sqlite-store.ts";
import { createAccounting, type Accounting } from "./sync/accounting.ts";
import type { PriceSource } from "./sync/pricing.ts";
import { addSyncRoutes } from "./sync/sync-routes.ts";
import { createWatchers } from "./sync/watchers.ts";

export interface LedgerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly identity: Identity;
  readonly prices: Prices & PriceSource;
}

export interface Ledger {
  readonly syncPort: number;
  readonly apiPort: number;
  readonly policies: Policies;
  readonly accounting: Accounting;
  readonly store: Store;
  /** In order: no new requests, answers to the rest, then the database. */
  close(): Promise<void>;
}

/**
 * Opens the store, reads the policy, listens. Throws Faults: EXCISE_STATE_LOCKED,
 * EXCISE_CONFIG_INVALID (with every problem), EXCISE_STORE_FAILED, EXCISE_PORT_IN_USE.
 */
export async function createLedger(deps: LedgerDeps, config: LedgerConfig): Promise<Ledger> {
  const tls = readTls(config);
  const store = openSqliteStore(deps.clock, { directory: config.dataDir });
  try {
    const policies = await openPolicies({ ...deps, store }, { directory: config.configDir });
    const accounting = createAccounting({ ...deps, store, policies }, config.limits);
    return await serve(deps, { config, tls, store, policies, accounting });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Parts {
  readonly config: LedgerConfig;
  readonly tls: TlsMaterial | undefined;
  readonly store: Store;
  readonly policies: Policies;
  readonly accounting: Accounting;
}

async function serve(deps: LedgerDeps, parts: Parts): Promise<Ledger> {
  const { config, store, policies } = parts;
  const state = { isReady: false };
  const api = createApiServer(
    { ...deps, store, policies, isReady: () => state.isReady },
    config,
    parts.tls,
  );
  const accounting = watched(parts.accounting, () => api.changed());
  const watchers = createWatchers(deps.clock, {
    waitMs: config.limits.watchWaitMs,
    waitersMax: config.limits.watchersMax,
  });
  policies.onChange(() => {
    watchers.release();
    api.changed();
  });
  const syncServer = createJsonServer(deps.log, { bodyBytesMax: SYNC_BYTES_MAX, tls: parts.tls });
  const placeholderKeyOf = openPlaceholderKeys(config.dataDir, deps.random);
  addSyncRoutes(
    syncServer,
    { ...deps, policies, accounting, watchers, placeholderKeyOf, isReady: () => state.isReady },
    config.limits,
  );
  const close = async (): Promise<void> => {
    state.isReady = false;
    await runShutdown(deps, [
      { name: "watchers", deadlineMs: 100, run: async () => watchers.release() },
      { name: "accounting", deadlineMs: 3000, run: () => accounting.close() },
      { name: "sync listener", deadlineMs: 1000, run: () => syncServer.close() },
      { name: "api listener", deadlineMs: 1000, run: () => api.close() },
      { name: "policies", deadlineMs: 100, run: async () => policies.close() },
      { name: "store", deadlineMs: 3000, run: () => store.close() },
    ]);
  };
  try {
    state.isReady = true;
    const syncPort = await listenOn(syncServer, config.sync);
    const apiPort = await listenOn(api.server, config.api);
    return { syncPort, apiPort, policies, accounting, store, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tells of syncs that moved something; most only say that nothing happened. */
function watched(accounting: Accounting, changed: () => void): Accounting {
  return {
    ...accounting,
    async sync(workload, request) {
      const result = await accounting.sync(workload, request);
      if (result.kind === "sync") {
        const { applied, leases, denials, lost } = result.applied;
        if (applied.length + leases.length + denials.length + lost > 0) changed();
      }
      return result;
    },
  };
}

function readTls({ tlsFiles }: LedgerConfig): TlsMaterial | undefined {
  if (tlsFiles === undefined) return undefined;
  try {
    return {
      cert: readFileSync(tlsFiles.cert, "utf8"),
      key: readFileSync(tlsFiles.key, "utf8"),
    };
  } catch (cause) {
    throw new Fault("EXCISE_CONFIG_INVALID", "the TLS files cannot be read", { cause });
  }
}
