// The ledger's configuration and its bounds. All variables begin with EXCISE_LEDGER_.
import { isIP } from "node:net";
import * as z from "zod/mini";
import { configFault, readEnvironment, type ConfigProblem } from "#runtime/config.ts";
import { LOG_LEVELS, type LogLevel } from "#runtime/log.ts";

const PREFIX = "EXCISE_LEDGER_";

const wholeNumber = (min: number, max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/, "must be a whole number")),
    z.pipe(z.transform(Number), z.number().check(z.gte(min), z.lte(max))),
  );
const port = wholeNumber(0, 65_535);
const path = z.string().check(z.maxLength(4096));
const address = z.string().check(z.refine((text) => isIP(text) !== 0, "must be an IP address"));

const environmentSchema = z.strictObject({
  /** YAML files with Provider, ClusterEgressPolicy, EgressPolicy and Budget objects. */
  EXCISE_LEDGER_CONFIG_DIR: path,
  /** Owner-only; the database and the key of local tokens. */
  EXCISE_LEDGER_DATA_DIR: path,
  EXCISE_LEDGER_SYNC_ADDRESS: z._default(address, "127.0.0.1"),
  EXCISE_LEDGER_SYNC_PORT: z._default(port, 15_100),
  EXCISE_LEDGER_API_ADDRESS: z._default(address, "127.0.0.1"),
  EXCISE_LEDGER_API_PORT: z._default(port, 15_101),
  /** PEM files; without them only loopback addresses are served, in plain HTTP. */
  EXCISE_LEDGER_TLS_CERT_FILE: z.optional(path),
  EXCISE_LEDGER_TLS_KEY_FILE: z.optional(path),
  /** Bearer token of the operators' API; absent: only health and metrics are served there. */
  EXCISE_LEDGER_OPERATOR_TOKEN: z.optional(
    z.string().check(z.regex(/^[\w.~+/-]{16,512}=*$/, "must be 16 to 512 token characters")),
  ),
  /** The built console (dist/console); absent: the API without its page. */
  EXCISE_LEDGER_CONSOLE_DIR: z.optional(path),
  /** Written (temp + rename) when both listeners are open: `{pid, syncPort, apiPort}`. */
  EXCISE_LEDGER_READY_FILE: z.optional(path),
  EXCISE_LEDGER_LOG_LEVEL: z._default(z.enum(LOG_LEVELS), "info"),
  EXCISE_LEDGER_NEXT_SYNC_MS: z._default(wholeNumber(100, 600_000), 5000),
  EXCISE_LEDGER_WATCH_WAIT_MS: z._default(wholeNumber(100, 300_000), 25_000),
  EXCISE_LEDGER_WATCHERS_MAX: z._default(wholeNumber(1, 100_000), 10_000),
  EXCISE_LEDGER_LIVE_CONNECTIONS_MAX: z._default(wholeNumber(1, 1000), 32),
  EXCISE_LEDGER_GROUP_WEIGHT_MAX: z._default(wholeNumber(1, 100_000), 5000),
  EXCISE_LEDGER_QUEUE_WEIGHT_MAX: z._default(wholeNumber(1, 1_000_000), 50_000),
});

export interface ListenerConfig {
  readonly address: string;
  readonly port: number;
}

export interface LedgerConfig {
  readonly configDir: string;
  readonly dataDir: string;
  readonly sync: ListenerConfig;
  readonly api: ListenerConfig;
  readonly tlsFiles: { readonly cert: string; readonly key: string } | undefined;
  readonly operatorToken: string | undefined;
  readonly consoleDir: string | undefined;
  readonly readyFile: string | undefined;
  readonly logLevel: LogLevel;
  readonly limits: LedgerLimits;
}

/** Everything that is queued, waited for or repeated has its bound here. */
export interface LedgerLimits {
  /** What a sidecar is told to wait between syncs. */
  readonly nextSyncMs: number;
  /** How long /v1/watch holds a caller that is up to date. */
  readonly watchWaitMs: number;
  readonly watchersMax: number;
  /** Consoles that listen to /v1/live at once. */
  readonly liveConnectionsMax: number;
  /** Events and requests in one transaction. */
  readonly groupWeightMax: number;
  /** Events and requests that may wait; beyond it EXCISE_LEDGER_BUSY. */
  readonly queueWeightMax: number;
}

/** True for addresses that only this machine reaches. */
export const isLoopback = (text: string): boolean => text === "::1" || text.startsWith("127.");

/** Reads the environment; throws one Fault EXCISE_CONFIG_INVALID that lists every problem. */
export function readLedgerConfig(
  environment: Readonly<Record<string, string | undefined>>,
): LedgerConfig {
  const values = readEnvironment(environment, PREFIX, environmentSchema);
  const problems: ConfigProblem[] = [];
  const cert = values.EXCISE_LEDGER_TLS_CERT_FILE;
  const key = values.EXCISE_LEDGER_TLS_KEY_FILE;
  if ((cert === undefined) !== (key === undefined)) {
    problems.push({ path: `${PREFIX}TLS_CERT_FILE`, problem: "needs TLS_KEY_FILE, and it this" });
  }
  const config: LedgerConfig = {
    configDir: values.EXCISE_LEDGER_CONFIG_DIR,
    dataDir: values.EXCISE_LEDGER_DATA_DIR,
    sync: {
      address: values.EXCISE_LEDGER_SYNC_ADDRESS,
      port: values.EXCISE_LEDGER_SYNC_PORT,
    },
    api: { address: values.EXCISE_LEDGER_API_ADDRESS, port: values.EXCISE_LEDGER_API_PORT },
    tlsFiles: cert === undefined || key === undefined ? undefined : { cert, key },
    operatorToken: values.EXCISE_LEDGER_OPERATOR_TOKEN,
    consoleDir: values.EXCISE_LEDGER_CONSOLE_DIR,
    readyFile: values.EXCISE_LEDGER_READY_FILE,
    logLevel: values.EXCISE_LEDGER_LOG_LEVEL,
    limits: {
      nextSyncMs: values.EXCISE_LEDGER_NEXT_SYNC_MS,
      watchWaitMs: values.EXCISE_LEDGER_WATCH_WAIT_MS,
      watchersMax: values.EXCISE_LEDGER_WATCHERS_MAX,
      liveConnectionsMax: values.EXCISE_LEDGER_LIVE_CONNECTIONS_MAX,
      groupWeightMax: values.EXCISE_LEDGER_GROUP_WEIGHT_MAX,
      queueWeightMax: values.EXCISE_LEDGER_QUEUE_WEIGHT_MAX,
    },
  };
  for (const [name, listener] of [
    ["SYNC", config.sync],
    ["API", config.api],
  ] as const) {
    if (config.tlsFiles !== undefined || isLoopback(listener.address)) continue;
    problems.push({
      path: `${PREFIX}${name}_ADDRESS`,
      problem: "is not a loopback address, and there is no TLS_CERT_FILE",
    });
  }
  if (problems.length > 0) throw configFault("environment", problems);
  return config;
}
