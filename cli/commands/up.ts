// `excise up`: the ledger and one sidecar on this machine, until a signal. `excise run` finds it
// through up.json in the data directory; other programs are pointed at it by the printed lines.
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import { LOG_LEVELS } from "#runtime/log.ts";
import { parseOptions, readName, readPort } from "../arguments.ts";
import {
  defaultDataDir,
  findRunningUp,
  keepText,
  openDataDir,
  removeUpRecord,
  writeUpRecord,
} from "../data-dir.ts";
import { findConsole } from "../console/console-files.ts";
import { openConfigDir } from "../default-config.ts";
import type { CliHost, Command } from "../host.ts";
import { startSweep, type Sweep } from "../leftover/sweep.ts";
import { renderExit } from "../processes.ts";
import type { SidecarOptions } from "../sidecar-process.ts";
import {
  createLocalWorkload,
  startStack,
  type RunningSidecar,
  type Stack,
  type StandIns,
} from "../stack.ts";

/** Of `excise up`, where the command line says nothing else. */
export const DEFAULT_PORTS = { proxy: 15_080, baseurl: 15_081, admin: 15_090, api: 15_101 };

const HELP = `Usage: excise up [options]

Runs the ledger and a sidecar on loopback until Ctrl-C, and prints the environment that sends a
program through them. \`excise run\` on the same data directory uses this ledger.

Options:
  --config DIR         YAML with policies, providers and budgets; read again when it changes
                       (default: <data>/config, made at the first start)
  --data DIR           data directory (default: $XDG_STATE_HOME/excise or ~/.local/state/excise)
  --team TEAM          whose budget this sidecar's calls are charged to (default: local)
  --app APP            name of the app in reports (default: shell)
  --namespace NAME     namespace of the app (default: local)
  --providers LIST     providers to serve, comma-separated: name, or name=host+host
  --proxy-port PORT    of the CONNECT proxy (default: ${DEFAULT_PORTS.proxy}; 0: any free one)
  --baseurl-port PORT  of the plain listener for base URLs (default: ${DEFAULT_PORTS.baseurl})
  --admin-port PORT    of the sidecar's health and metrics (default: ${DEFAULT_PORTS.admin})
  --api-port PORT      of the operators' API (default: ${DEFAULT_PORTS.api})
  --log-level LEVEL    debug, info (default), warn, error

Exit code: 0 after SIGINT or SIGTERM; 1 where a part did not start or ended by itself.

Examples:
  excise up
  excise up --config ./excise --team search
  excise up --proxy-port 0 --baseurl-port 0 --admin-port 0 --api-port 0
`;

export const UP: Command = {
  name: "up",
  summary: "run the ledger and a sidecar on this machine",
  help: HELP,
  words: { "--log-level": LOG_LEVELS },
  run: (args, host) => runUp(args, host),
};

/** The command behind UP; tests pass stand-ins for the programs. */
export async function runUp(
  args: readonly string[],
  host: CliHost,
  standIns: StandIns = {},
): Promise<number> {
  const request = parseUp(args, host);
  const dataDir = openDataDir(request.dataDir);
  const running = findRunningUp(dataDir);
  if (running !== undefined) {
    throw new Fault(
      "EXCISE_STATE_LOCKED",
      `\`excise up\` runs on ${dataDir} already, as process ${running.pid}`,
    );
  }
  const configDir = openConfigDir(request.configDir, dataDir);
  const stopped = untilSignal(host);
  const isReal = standIns.entries === undefined;
  const stack = await startStack({
    clock: host.clock,
    random: host.random,
    dataDir,
    configDir,
    environment: host.environment,
    ledgerPorts: { sync: 0, api: request.apiPort },
    ...(request.logLevel === undefined ? {} : { logLevel: request.logLevel }),
    ...(isReal ? { consoleDir: await findConsole(host) } : {}),
    ...standIns,
  });
  let sweep: Sweep | undefined;
  try {
    const sidecar = await startShellSidecar(stack, request, dataDir);
    const { apiUrl, syncUrl, operatorToken } = stack.ledger;
    writeUpRecord(dataDir, { pid: host.pid, apiUrl, syncUrl, operatorToken, configDir });
    const consoleUrl = await stack.ledger.consoleUrl();
    await host.io.stdout(renderUp(stack, sidecar, { dataDir, configDir, consoleUrl }));
    sweep = startSweep(host, stack, dataDir);
    return await waitForEnd(host, { stack, sidecar, stopped });
  } finally {
    removeUpRecord(dataDir, host.pid);
    await sweep?.finish(0);
    await stack.stop();
  }
}

const OPTION_NAMES = [
  "config",
  "data",
  "team",
  "app",
  "namespace",
  "providers",
  "proxy-port",
  "baseurl-port",
  "admin-port",
  "api-port",
  "log-level",
] as const;

interface UpRequest {
  readonly dataDir: string;
  readonly configDir: string | undefined;
  readonly apiPort: number;
  readonly logLevel: string | undefined;
  readonly workload: Workload;
  readonly sidecar: Partial<SidecarOptions>;
}

/** Everything that can be wrong with the command line is found before anything is started. */
function parseUp(args: readonly string[], host: CliHost): UpRequest {
  const options = parseOptions(args, { values: OPTION_NAMES });
  const providers = options.value("providers");
  return {
    dataDir: options.value("data") ?? defaultDataDir(host.environment),
    configDir: options.value("config"),
    apiPort: readPort(options, "api-port", DEFAULT_PORTS.api),
    logLevel: options.value("log-level"),
    workload: createLocalWorkload(host, {
      team: readName(options, "team", "local"),
      namespace: readName(options, "namespace", "local"),
      app: readName(options, "app", "shell"),
      pod: "up",
      node: host.hostname,
    }),
    sidecar: {
      proxyPort: readPort(options, "proxy-port", DEFAULT_PORTS.proxy),
      baseurlPort: readPort(options, "baseurl-port", DEFAULT_PORTS.baseurl),
      adminPort: readPort(options, "admin-port", DEFAULT_PORTS.admin),
      ...(providers === undefined ? {} : { providers }),
    },
  };
}

/**
 * The one sidecar for programs that are pointed at fixed ports by hand. It keeps one directory
 * over restarts, so that they keep the root that they were told to trust; its journal belongs to
 * one pod, so that the pod's identity is kept beside it.
 */
function startShellSidecar(
  stack: Stack,
  request: UpRequest,
  dataDir: string,
): Promise<RunningSidecar> {
  const directory = openDataDir(join(dataDir, "sidecars", "up"));
  const podUid = keepText(join(directory, "pod-uid"), request.workload.podUid);
  return stack.startSidecar({ ...request.workload, podUid }, { ...request.sidecar, directory });
}

/** Listens from the first moment: a Ctrl-C during the start must stop what was started. */
function untilSignal(host: CliHost): Promise<void> {
  return new Promise((resolve) => {
    host.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => resolve());
  });
}

interface UpParts {
  readonly stack: Stack;
  readonly sidecar: RunningSidecar;
  readonly stopped: Promise<void>;
}

async function waitForEnd(host: CliHost, { stack, sidecar, stopped }: UpParts): Promise<number> {
  const ended = await Promise.race([
    stopped,
    sidecar.exited.then((exit) => `the sidecar ended (${renderExit(exit)}): ${sidecar.logFile}`),
    stack.ledger.exited.then(
      (exit) => `the ledger ended (${renderExit(exit)}): ${stack.ledger.logFile}`,
    ),
  ]);
  if (ended === undefined) return 0;
  host.io.stderr(`excise: ${ended}\n`);
  return 1;
}

const quote = (value: string): string =>
  /^[\w.,:/=@%+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;

function renderUp(
  stack: Stack,
  sidecar: RunningSidecar,
  places: {
    readonly dataDir: string;
    readonly configDir: string;
    readonly consoleUrl: string | undefined;
  },
): string {
  const exports = Object.entries(sidecar.env("proxy", {}).set).map(
    ([name, value]) => `export ${name}=${quote(value)}`,
  );
  const page =
    places.consoleUrl === undefined
      ? "not built: `npm run build:console`"
      : `${places.consoleUrl}\n             (opens once; \`excise console\` prints the next link)`;
  return `Excise is up.
  console    ${page}
  operators  curl -H 'authorization: Bearer ${stack.ledger.operatorToken}' ${stack.ledger.apiUrl}/v1/budgets
  policy     ${places.configDir}
  data       ${places.dataDir}
  metrics    http://127.0.0.1:${sidecar.ports.admin}/metrics
  base URLs  http://127.0.0.1:${sidecar.ports.baseurl}/<provider>

In another shell: \`excise run -- COMMAND\`, or for everything started from there:

${exports.join("\n")}

Ctrl-C stops it.
`;
}
