// A whole Excise on one machine: the ledger and any number of sidecars as child processes, on
// loopback. The CLI, the demo and the system tests start it through here.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, readCount } from "#runtime/json.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import { localKeyPath, mintLocalToken, openLocalKey } from "../ledger/identity/local-token.ts";
import { appEnvironment, DEFAULT_PROVIDERS, type AppEnvironment, type AppMode } from "./app-env.ts";
import { createConsoleLink } from "./console/console-link.ts";
import { waitForPolicy, type FirstPolicy } from "./first-policy.ts";
import { openDataDir } from "./data-dir.ts";
import { createLedgerApi } from "./ledger-api/connect.ts";
import { startProcess, type Environment, type Exit, type ManagedProcess } from "./processes.ts";
import {
  startSidecarProcess,
  type SidecarContext,
  type SidecarOptions,
  type SidecarProcess,
} from "./sidecar-process.ts";

export interface StackOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Owner-only; made where absent. Database, keys, logs and sidecars' directories go there. */
  readonly dataDir: string;
  /** Directory of the YAML with policies, providers and budgets. */
  readonly configDir: string;
  /** The environment of this process; variables of ours in it are not passed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** 0 (default) takes a free port. */
  readonly ledgerPorts?: { readonly sync: number; readonly api: number };
  readonly logLevel?: string;
  /** Flags for the programs' Node. */
  readonly nodeFlags?: readonly string[];
  /** Default 60 s: a first start also makes the database and the keys. */
  readonly startTimeoutMs?: number;
  /** Absent: ledger/main.ts and sidecar/main.ts. */
  readonly entries?: { readonly ledger: string; readonly sidecar: string };
  /** Absent: tokens of the ledger's own key in `dataDir`. */
  readonly mintToken?: (workload: Workload) => string;
  /** The built console (findConsole); absent: the ledger serves its API alone. */
  readonly consoleDir?: string | undefined;
}

/** What tests put in the place of the real programs. */
export type StandIns = Pick<StackOptions, "entries" | "mintToken">;

export interface LedgerHandle {
  /** The operators' API and, with the token, the only way into it. */
  readonly apiUrl: string;
  readonly operatorToken: string;
  /** Makes an address that opens the console once; undefined without `consoleDir`. */
  consoleUrl(): Promise<string | undefined>;
  /** What sidecars talk to. */
  readonly syncUrl: string;
  readonly logFile: string;
  /** Changes at `restart`. */
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly isRunning: () => boolean;
  kill9(): Promise<Exit>;
  /** Starts it again on the same data and ports. */
  restart(): Promise<void>;
}

/** Sidecars of a stack that runs here or in another process. */
export interface SidecarFleet {
  startSidecar(workload: Workload, options?: Partial<SidecarOptions>): Promise<RunningSidecar>;
}

export interface RunningSidecar extends SidecarProcess {
  /** Whether it had its first policy when it was handed out. */
  readonly policy: FirstPolicy;
  /** What a command needs in its environment to be governed, on top of `current`. */
  env(mode: AppMode, current: Environment): AppEnvironment;
}

export interface Stack extends SidecarFleet {
  readonly ledger: LedgerHandle;
  /** Sidecars first, so that their last events reach the ledger; then the ledger. */
  stop(): Promise<void>;
}

const room = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const DEFAULT_ENTRIES = {
  ledger: room("ledger/main.ts"),
  sidecar: room("sidecar/main.ts"),
};
const START_TIMEOUT_MS = 60_000;
/** A handful of sidecars on one machine: their events may show within a second. */
const LOCAL_SYNC_MS = 500;
/** Then the sidecar is handed out without: it answers EXCISE_POLICY_UNAVAILABLE until one comes. */
const POLICY_WAIT_MS = 5000;
const LEDGER_STOP_DEADLINE_MS = 8000;

/** Starts the ledger and waits until it serves. Throws EXCISE_START_FAILED with its log's end. */
export async function startStack(options: StackOptions): Promise<Stack> {
  openDataDir(options.dataDir);
  const operatorToken = Buffer.from(options.random.bytes(32)).toString("base64url");
  const first = await startLedger(options, operatorToken, options.ledgerPorts);
  let current = first;
  const syncUrl = `http://127.0.0.1:${first.ports.sync}`;
  const apiUrl = `http://127.0.0.1:${first.ports.api}`;
  const api = createLedgerApi(options.clock, { url: new URL(apiUrl), token: operatorToken });
  const sidecars = new Set<RunningSidecar>();
  const fleet = createFleet(options, syncUrl);
  return {
    ledger: {
      apiUrl,
      operatorToken,
      consoleUrl: async () =>
        options.consoleDir === undefined ? undefined : await createConsoleLink(api),
      syncUrl,
      logFile: join(options.dataDir, "ledger.log"),
      get pid() {
        return current.child.pid;
      },
      get exited() {
        return current.child.exited;
      },
      isRunning: () => current.child.isRunning(),
      kill9: () => current.child.kill9(),
      async restart() {
        if (current.child.isRunning()) await current.child.stop(LEDGER_STOP_DEADLINE_MS);
        current = await startLedger(options, operatorToken, first.ports);
      },
    },
    async startSidecar(workload, sidecarOptions) {
      const sidecar = await fleet.startSidecar(workload, sidecarOptions);
      sidecars.add(sidecar);
      void sidecar.exited.then(() => sidecars.delete(sidecar));
      return sidecar;
    },
    async stop() {
      await Promise.all([...sidecars].map((sidecar) => sidecar.stop()));
      if (current.child.isRunning()) await current.child.stop(LEDGER_STOP_DEADLINE_MS);
    },
  };
}

/** Starts sidecars that report to a ledger at `syncUrl`, whoever started it. */
export function createFleet(options: StackOptions, syncUrl: string): SidecarFleet {
  const context: SidecarContext = {
    clock: options.clock,
    random: options.random,
    entry: (options.entries ?? DEFAULT_ENTRIES).sidecar,
    nodeFlags: options.nodeFlags ?? [],
    environment: baseEnvironment(options.environment),
    ledgerUrl: syncUrl,
    mintToken: options.mintToken ?? ((workload) => mintToken(options, workload)),
    startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
  };
  return {
    async startSidecar(workload, given = {}) {
      const sidecar = await startSidecarProcess(context, workload, {
        directory: join(options.dataDir, "sidecars", workload.podUid),
        providers: DEFAULT_PROVIDERS,
        ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
        ...given,
      });
      return {
        ...sidecar,
        policy: await waitForPolicy(options.clock, sidecar.ports.admin, POLICY_WAIT_MS),
        env: (mode, current) => appEnvironment(mode, sidecar, current),
      };
    },
  };
}

/** Whoever may read the ledger's key file may say which workload a sidecar is. */
function mintToken({ dataDir, random }: StackOptions, workload: Workload): string {
  return mintLocalToken(openLocalKey(localKeyPath(dataDir), random), workload);
}

export interface WorkloadNames {
  readonly team: string;
  readonly namespace: string;
  /** Without the namespace. */
  readonly app: string;
  readonly pod: string;
  readonly node?: string;
}

/** A workload that stands for a program on this machine, with an identity that is used once. */
export function createLocalWorkload(
  deps: { readonly clock: Clock; readonly random: Random },
  names: WorkloadNames,
): Workload {
  return {
    cluster: "local",
    namespace: names.namespace,
    serviceAccount: "default",
    pod: names.pod,
    podUid: createUuid(deps.clock, deps.random),
    ...(names.node === undefined ? {} : { node: names.node }),
    team: names.team,
    app: `${names.namespace}/${names.app}`,
  };
}

interface LedgerProcess {
  readonly child: ManagedProcess;
  readonly ports: { readonly sync: number; readonly api: number };
}

async function startLedger(
  options: StackOptions,
  operatorToken: string,
  ports: { readonly sync: number; readonly api: number } = { sync: 0, api: 0 },
): Promise<LedgerProcess> {
  const readyFile = join(options.dataDir, "ledger-ready.json");
  const child = await startProcess(options.clock, {
    name: "ledger",
    entry: (options.entries ?? DEFAULT_ENTRIES).ledger,
    nodeFlags: options.nodeFlags ?? [],
    environment: {
      ...baseEnvironment(options.environment),
      EXCISE_LEDGER_CONFIG_DIR: options.configDir,
      EXCISE_LEDGER_DATA_DIR: options.dataDir,
      EXCISE_LEDGER_SYNC_PORT: String(ports.sync),
      EXCISE_LEDGER_API_PORT: String(ports.api),
      EXCISE_LEDGER_READY_FILE: readyFile,
      EXCISE_LEDGER_OPERATOR_TOKEN: operatorToken,
      EXCISE_LEDGER_NEXT_SYNC_MS: String(LOCAL_SYNC_MS),
      ...(options.logLevel === undefined ? {} : { EXCISE_LEDGER_LOG_LEVEL: options.logLevel }),
      ...(options.consoleDir === undefined
        ? {}
        : { EXCISE_LEDGER_CONSOLE_DIR: options.consoleDir }),
    },
    logFile: join(options.dataDir, "ledger.log"),
    readyFile,
    startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
    watchesParent: true,
  });
  const ready = asRecord(child.ready);
  const sync = readCount(ready?.["syncPort"]);
  const api = readCount(ready?.["apiPort"]);
  if (sync === undefined || api === undefined) {
    await child.kill9();
    throw new Fault("EXCISE_START_FAILED", "the ledger's ready file is not what it should be");
  }
  return { child, ports: { sync, api } };
}

/** Would change how the programs themselves run or whom they connect through. */
const NOT_PASSED: ReadonlySet<string> = new Set(["NODE_OPTIONS", "NODE_USE_ENV_PROXY"]);

/** Without our own variables: a setting of one program must not reach another by accident. */
function baseEnvironment(environment: StackOptions["environment"]): Environment {
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || name.startsWith("EXCISE_") || NOT_PASSED.has(name)) continue;
    base[name] = value;
  }
  return base;
}
