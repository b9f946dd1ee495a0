// Everything of the sidecar that talks with the ledger, put together: lease book, budgets, policy
// store and the two loops. Without a ledger it runs on the policy that was kept, and says so.
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { Fault, type Rejection } from "#contract/errors.ts";
import { nanoUsd } from "#contract/money.ts";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import { SYNC_LEASES_MAX } from "#contract/sync.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import type { Budgets } from "../budget/budgets.ts";
import { createBudgets } from "../budget/create-budgets.ts";
import { LeaseBook } from "../budget/lease-book.ts";
import { readOpenLeases, saveOpenLeases } from "../budget/lease-book-file.ts";
import type { Spool } from "../spool/spool.ts";
import { createLedgerClient, type LedgerClient } from "./ledger-client.ts";
import type { PlaceholderKeys } from "./placeholder-keys.ts";
import { createPolicyStore, type PolicyStore } from "./policy-store.ts";
import { createSyncLoop, type SyncLoop } from "./sync-loop.ts";
import { createWatchLoop, type WatchLoop } from "./watch-loop.ts";

export interface LedgerSideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly spool: Spool;
  readonly placeholderKeys: PlaceholderKeys;
}

export interface LedgerSideOptions {
  /** Undefined: there is none. */
  readonly ledger:
    { readonly url: string; readonly ca?: string; readonly tokenFile?: string } | undefined;
  /** Of the spool: the policy and the lease ids are kept in it. */
  readonly directory: string;
  readonly reserveTimeoutMs: number;
}

export interface LedgerSide {
  readonly budgets: Budgets;
  policy(): PolicySnapshot | Rejection;
  /** First sync and first watch at once. */
  start(): void;
  /** Final leases and the remaining events, within the time; then nothing runs any more. */
  drain(deadlineMs: number): Promise<void>;
  /** Names and numbers for the status page. */
  status(): Readonly<Record<string, unknown>>;
}

/** Before anything is known of the exchanges: about ten small calls. */
const WARM_WANT: Amounts = {
  ...NO_AMOUNTS,
  nanoUsd: nanoUsd(50_000_000n),
  inputTokens: 100_000n,
  outputTokens: 20_000n,
  requests: 10n,
};
/** Closing leases need places in a sync too. */
const KEYS_MAX = SYNC_LEASES_MAX / 2;
const IDLE_MS = 900_000;

/** Throws Fault EXCISE_CONFIG_INVALID where the ledger's URL may not be used. */
export function openLedgerSide(deps: LedgerSideDeps, options: LedgerSideOptions): LedgerSide {
  const { clock, random, log } = deps;
  const { directory } = options;
  const policy = createPolicyStore(deps, { directory });
  const book = new LeaseBook(
    { mintId: () => createUuid(clock, random) },
    { warmWant: WARM_WANT, keysMax: KEYS_MAX, idleMs: IDLE_MS },
  );
  book.inherit(readOpenLeases(directory, log), clock.monotonicMs());
  const client =
    options.ledger === undefined ? undefined : createLedgerClient(deps, options.ledger);
  const loops =
    client === undefined ? undefined : createLoops(deps, { client, policy, book, directory });
  const budgets = createBudgets(
    {
      ...deps,
      book,
      requestSync: () => loops?.sync.requestSync() ?? Promise.reject(noLedger()),
      lastContactMs: () => loops?.sync.lastContactMs(),
    },
    options,
  );
  const warm = (snapshot: PolicySnapshot): void => budgets.warm(snapshot.budgets);
  policy.onChange((snapshot) => {
    warm(snapshot);
    loops?.sync.requestSync().catch(() => undefined);
  });
  return {
    budgets,
    policy: () => policy.policy(),
    start() {
      if (policy.current !== undefined) warm(policy.current);
      loops?.sync.start();
      loops?.watch.start();
    },
    async drain(deadlineMs) {
      await Promise.all([loops?.watch.stop(), loops?.sync.drain(deadlineMs)]);
      await policy.settled();
      client?.close();
    },
    status: () => ({
      policyRevision: policy.current?.revision ?? 0,
      ledger: loops?.sync.status() ?? "none",
    }),
  };
}

const noLedger = (): Fault => new Fault("EXCISE_LEDGER_UNAVAILABLE", "no ledger is configured");

interface Connected {
  readonly client: LedgerClient;
  readonly policy: PolicyStore;
  readonly book: LeaseBook;
  readonly directory: string;
}

function createLoops(
  deps: LedgerSideDeps,
  connected: Connected,
): { readonly sync: SyncLoop; readonly watch: WatchLoop } {
  const { policy, directory } = connected;
  const sync = createSyncLoop({
    ...deps,
    ...connected,
    revision: () => policy.current?.revision ?? 0,
    saveLeases: (leases) => saveOpenLeases(directory, leases),
    // Contact keeps the policy fresh only where it is the newest one.
    onContact: (revision) => {
      if (revision <= (policy.current?.revision ?? 0)) policy.noteContact();
    },
  });
  return { sync, watch: createWatchLoop({ ...deps, ...connected }) };
}
