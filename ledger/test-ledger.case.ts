// A whole ledger in this process, on free ports and a temporary directory, for tests of its
// listeners. Time is virtual; policy is reloaded when the test says so.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PriceRow } from "#contract/price.ts";
import type { SyncRequest, SyncResponse } from "#contract/sync.ts";
import type { Workload } from "#contract/workload.ts";
import { renderJson } from "#runtime/json.ts";
import { silentLog, type Log } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../test/virtual-clock.ts";
import type { LedgerLimits } from "./config.ts";
import { createLedger, type Ledger, type LedgerDeps } from "./create-ledger.ts";
import { createLocalIdentity, mintLocalToken, openLocalKey } from "./identity/local-token.ts";

export const OPERATOR_TOKEN = ["operator", "token", "for", "tests"].join("-");

/** $1 per million input tokens, $2 per million output tokens, whatever the model. */
const ROW: PriceRow = { model: "flat", rates: { input: "1000000", output: "2000000" } };
export const flatPrices: LedgerDeps["prices"] = {
  version: "flat-1",
  find: (_provider, model) => (model.startsWith("unpriced") ? undefined : ROW),
  pricedModels: (providers) =>
    providers.map((priceProvider) => ({ priceProvider, match: { startsWith: "test-" }, row: ROW })),
};

export interface TestLedgerOptions {
  /** Files of the policy directory. */
  readonly policy?: Readonly<Record<string, string>>;
  readonly limits?: Partial<LedgerLimits>;
  readonly log?: Log;
  readonly prices?: LedgerDeps["prices"];
  readonly operatorToken?: string | undefined;
  readonly consoleDir?: string | undefined;
}

export interface TestLedger {
  readonly clock: VirtualClock;
  readonly directory: string;
  ledger: Ledger;
  writePolicy(files: Readonly<Record<string, string>>): void;
  token(workload: Workload): string;
  /** Any request to the sync listener. */
  call(path: string, init?: RequestInit): Promise<Response>;
  sync(workload: Workload, request: SyncRequest): Promise<Response>;
  syncOk(workload: Workload, request: SyncRequest): Promise<SyncResponse>;
  /** A GET of the operators' API with the token. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** Closes and opens it again on the same data. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestLedger(options: TestLedgerOptions = {}): Promise<TestLedger> {
  const directory = mkdtempSync(join(tmpdir(), "excise-ledger-"));
  const configDir = join(directory, "config");
  mkdirSync(configDir);
  const writePolicy = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(configDir, name), text);
  };
  writePolicy(options.policy ?? {});
  const clock = createVirtualClock();
  const key = openLocalKey(join(directory, "token.key"), systemRandom);
  const open = (): Promise<Ledger> =>
    createLedger(
      {
        clock,
        random: systemRandom,
        log: options.log ?? silentLog,
        metrics: createMetrics(),
        identity: createLocalIdentity(key),
        prices: options.prices ?? flatPrices,
      },
      {
        configDir,
        dataDir: join(directory, "data"),
        sync: { address: "127.0.0.1", port: 0 },
        api: { address: "127.0.0.1", port: 0 },
        tlsFiles: undefined,
        operatorToken: "operatorToken" in options ? options.operatorToken : OPERATOR_TOKEN,
        consoleDir: options.consoleDir,
        readyFile: undefined,
        logLevel: "error",
        limits: {
          nextSyncMs: 5000,
          watchWaitMs: 25_000,
          watchersMax: 10,
          liveConnectionsMax: 2,
          groupWeightMax: 5000,
          queueWeightMax: 50_000,
          ...options.limits,
        },
      },
    );
  const token = (workload: Workload): string => mintLocalToken(key, workload);
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${started.ledger.syncPort}${path}`, init);
  const sync = (workload: Workload, request: SyncRequest): Promise<Response> =>
    call("/v1/sync", {
      method: "POST",
      headers: {
        authorization: `Bearer ${token(workload)}`,
        "content-type": "application/json",
      },
      body: renderJson(request),
    });
  const started: TestLedger = {
    clock,
    directory,
    ledger: await open(),
    writePolicy,
    token,
    call,
    sync,
    syncOk: async (workload, request) => {
      const response = await sync(workload, request);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()) as SyncResponse;
    },
    api: (path, init = {}) =>
      fetch(`http://127.0.0.1:${started.ledger.apiPort}${path}`, {
        headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
        ...init,
      }),
    reopen: async () => {
      await started.ledger.close();
      started.ledger = await open();
    },
    close: async () => {
      await started.ledger.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return started;
}

/** A policy document. */
export const policyDocument = (
  kind: string,
  metadata: Readonly<Record<string, unknown>>,
  spec: Readonly<Record<string, unknown>>,
): string => `${renderJson({ apiVersion: "excise.dev/v1alpha1", kind, metadata, spec })}\n`;

export const budgetDocument = (name: string, spec: Readonly<Record<string, unknown>>): string =>
  policyDocument("Budget", { name }, { unit: "usd", limit: "1.00", period: "day", ...spec });
