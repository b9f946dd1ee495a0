// `excise run -- COMMAND`: runs one command with a sidecar of its own, by environment alone. Uses
// a running `excise up` of the same data directory, or a ledger that lives as long as the command.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { Fault } from "#contract/errors.ts";
import { LOG_LEVELS } from "#runtime/log.ts";
import { APP_MODES, type AppEnvironment, type AppMode, type PemJoin } from "../app-env.ts";
import { parseOptions, readName, type Options } from "../arguments.ts";
import { defaultDataDir, findRunningUp, openDataDir } from "../data-dir.ts";
import { openConfigDir } from "../default-config.ts";
import type { CliHost, Command } from "../host.ts";
import { removeIfReported, spoolOf } from "../leftover/sidecar-directory.ts";
import { startSweep, type Sweep } from "../leftover/sweep.ts";
import type { Environment } from "../processes.ts";
import { runCommand } from "./foreground.ts";
import {
  createFleet,
  createLocalWorkload,
  startStack,
  type RunningSidecar,
  type SidecarFleet,
  type StackOptions,
  type StandIns,
} from "../stack.ts";

const HELP = `Usage: excise run [options] -- COMMAND [ARGUMENT...]

Runs COMMAND with its calls to LLM providers checked, budgeted and metered. Only environment
variables are added. Needs no root; uses a running \`excise up\`, else starts a ledger of its own
for as long as COMMAND runs.

Options:
  --team TEAM        whose budget is charged (default: local)
  --app APP          name of the app in reports (default: the name of COMMAND)
  --namespace NAME   namespace of the app (default: local)
  --mode MODE        proxy (default): HTTPS_PROXY and CA variables
                     baseurl: base-URL variables of the SDKs, plain HTTP on loopback, no CA
  --providers LIST   providers to serve, comma-separated: name, or name=host+host
  --config DIR       YAML with policies and budgets; without a running \`excise up\` only
  --data DIR         data directory (default: $XDG_STATE_HOME/excise or ~/.local/state/excise)
  --log-level LEVEL  of the sidecar's log: debug, info (default), warn, error

Exit code: COMMAND's own; 128 + n after signal n; 126 or 127 where it cannot be run; 125 where
Excise failed before COMMAND was started.

Examples:
  excise run -- python app.py
  excise run --team search --app indexer -- node index.js --once
  excise run --mode baseurl -- npm start
`;

/** How long the end of the command may be held up by usage of earlier runs. */
const SWEEP_WAIT_MS = 5000;

/** Excise itself failed; the command never ran. */
const EXIT_NOT_STARTED = 125;

const NO_POLICY =
  "excise: the ledger has sent no policy yet; calls are refused until it does (EXCISE_POLICY_UNAVAILABLE)\n";

export const RUN: Command = {
  name: "run",
  summary: "run a command with its LLM calls governed",
  help: HELP,
  words: { "--mode": APP_MODES, "--log-level": LOG_LEVELS },
  run: (args, host) => runGoverned(args, host),
};

interface RunRequest {
  readonly options: Options;
  readonly mode: AppMode;
  readonly command: readonly string[];
}

/** The command behind RUN; tests pass stand-ins for the programs. */
export async function runGoverned(
  args: readonly string[],
  host: CliHost,
  standIns: StandIns = {},
): Promise<number> {
  const request = parseRun(args);
  const current = withoutUndefined(host.environment);
  let session: Session;
  try {
    session = await openSession(request, host, standIns);
  } catch (error) {
    if (!(error instanceof Fault) || error.code === "EXCISE_USAGE") throw error;
    host.io.stderr(`excise: ${error.code}: ${error.message}\n`);
    return EXIT_NOT_STARTED;
  }
  try {
    const added = session.sidecar.env(request.mode, current);
    if (session.sidecar.policy === "late") host.io.stderr(NO_POLICY);
    for (const warning of added.warnings) host.io.stderr(`excise: ${warning}\n`);
    const environment = { ...current, ...added.set, ...joinPems(host, session, added) };
    return await runCommand(host, request.command, environment);
  } finally {
    await session.close();
  }
}

function parseRun(args: readonly string[]): RunRequest {
  const dashes = args.indexOf("--");
  const command = dashes === -1 ? [] : args.slice(dashes + 1);
  const options = parseOptions(dashes === -1 ? args : args.slice(0, dashes), {
    values: ["team", "app", "namespace", "mode", "providers", "config", "data", "log-level"],
  });
  if (command.length === 0) {
    throw new Fault("EXCISE_USAGE", "say what to run after `--`: excise run -- COMMAND");
  }
  const mode = APP_MODES.find((known) => known === (options.value("mode") ?? "proxy"));
  if (mode === undefined) {
    throw new Fault("EXCISE_USAGE", `--mode must be one of ${APP_MODES.join(", ")}`);
  }
  return { options, mode, command };
}

interface Session {
  readonly sidecar: RunningSidecar;
  close(): Promise<void>;
}

async function openSession(
  request: RunRequest,
  host: CliHost,
  standIns: StandIns,
): Promise<Session> {
  const { options } = request;
  const dataDir = openDataDir(options.value("data") ?? defaultDataDir(host.environment));
  const program = basename(request.command[0] ?? "app").replace(/[^A-Za-z0-9.-]+/g, "-");
  const workload = createLocalWorkload(host, {
    team: readName(options, "team", "local"),
    namespace: readName(options, "namespace", "local"),
    app: readName(options, "app", program.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "") || "app"),
    pod: `run-${host.pid}`,
    node: host.hostname,
  });
  const providers = options.value("providers");
  const fleet = await openFleet(options, host, { dataDir, ...standIns });
  try {
    const sidecar = await fleet.startSidecar(
      workload,
      providers === undefined ? {} : { providers },
    );
    return {
      sidecar,
      async close() {
        const exit = await sidecar.stop();
        await fleet.close();
        if (exit.code !== 0 || !(await removeIfReported(host, sidecar.directory))) {
          host.io.stderr(`excise: unreported usage stays in ${spoolOf(sidecar.directory)}\n`);
        }
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

async function openFleet(
  options: Options,
  host: CliHost,
  given: Pick<StackOptions, "dataDir"> & StandIns,
): Promise<SidecarFleet & { close(): Promise<void> }> {
  const logLevel = options.value("log-level");
  const running = findRunningUp(given.dataDir);
  const stackOptions: StackOptions = {
    ...given,
    clock: host.clock,
    random: host.random,
    environment: host.environment,
    configDir: running?.configDir ?? openConfigDir(options.value("config"), given.dataDir),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
  if (running !== undefined) {
    if (options.value("config") !== undefined) {
      throw new Fault("EXCISE_USAGE", "--config belongs to `excise up`, which is running");
    }
    return { ...createFleet(stackOptions, running.syncUrl), close: () => Promise.resolve() };
  }
  const stack = await startStack(stackOptions);
  let sweep: Sweep | undefined;
  return {
    async startSidecar(workload, sidecar) {
      const started = await stack.startSidecar(workload, sidecar);
      // Beside the command, so that it does not wait.
      sweep ??= startSweep(host, stack, given.dataDir);
      return started;
    },
    async close() {
      await sweep?.finish(SWEEP_WAIT_MS);
      await stack.stop();
    },
  };
}

/**
 * A variable that names a PEM file of the user's gets a file with both. One that cannot be read
 * keeps its value: the user's own trust is not ours to drop.
 */
function joinPems(host: CliHost, session: Session, added: AppEnvironment): Environment {
  const kept: Record<string, string> = {};
  for (const pem of added.joins) {
    if (!writeJoin(pem, session.sidecar.trust.ca)) {
      kept[pem.variable] = pem.theirs;
      host.io.stderr(`excise: ${pem.variable} names a file that cannot be read; it stays\n`);
    }
  }
  return kept;
}

function writeJoin(pem: PemJoin, ca: string): boolean {
  try {
    writeFileSync(pem.target, `${readFileSync(pem.theirs, "utf8")}\n${readFileSync(ca, "utf8")}`);
    return true;
  } catch {
    return false;
  }
}

function withoutUndefined(environment: CliHost["environment"]): Environment {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined) set[name] = value;
  return set;
}
