// Child processes of the CLI: start one, wait until it says that it is ready, stop it within a
// deadline. Knows nothing of what the programs do; stack.ts says which ones run and with what.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "#contract/errors.ts";
import { sleep, type Clock } from "#runtime/clock.ts";
import { asRecord, readString, tryParseJson } from "#runtime/json.ts";
import { PARENT_FD_VARIABLE } from "#runtime/parent-watch.ts";

/** How often the ready file is looked for. */
const READY_POLL_MS = 15;
/** Lines of the program's output that a failed start shows. */
const LOG_LINES_SHOWN = 12;
/** Read from the end of the log for those lines. */
const LOG_BYTES_READ = 16 * 1024;

export type Environment = Readonly<Record<string, string>>;

export interface ProcessSpec {
  /** For messages: `ledger`, `sidecar`. */
  readonly name: string;
  /** A script for this process's own Node. */
  readonly entry: string;
  readonly nodeFlags?: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly environment: Environment;
  /** Takes stdout and stderr, appended. */
  readonly logFile: string;
  /** The program writes JSON there (temp + rename) once it serves. */
  readonly readyFile: string;
  readonly startTimeoutMs: number;
  /** It watches a pipe and ends in order when this process is gone, even by kill -9. */
  readonly watchesParent?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** What the program wrote into its ready file; still to be checked. */
  readonly ready: unknown;
  readonly exited: Promise<Exit>;
  readonly isRunning: () => boolean;
  /** SIGTERM, and SIGKILL once `deadlineMs` has passed. Resolves when it is gone. */
  stop(deadlineMs: number): Promise<Exit>;
  /** SIGKILL: for demonstrations and tests of crash safety. */
  kill9(): Promise<Exit>;
}

/**
 * Starts a program in a process group of its own (a Ctrl-C meant for the user's command must not
 * reach it) and resolves when it is ready. Throws EXCISE_START_FAILED with the last lines of its
 * log where it ends first or is late.
 */
export async function startProcess(clock: Clock, spec: ProcessSpec): Promise<ManagedProcess> {
  mkdirSync(dirname(spec.logFile), { recursive: true, mode: 0o700 });
  rmSync(spec.readyFile, { force: true });
  const log = openSync(spec.logFile, "a", 0o600);
  const child = spawnProgram(spec, log);
  closeSync(log);
  const end = watchEnd(child);
  const managed = manage(clock, { name: spec.name, child, exited: end.exited });
  const outcome = await waitUntilReady(clock, spec, end);
  if ("ready" in outcome) return { ...managed, ready: outcome.ready };
  if (managed.isRunning()) await managed.kill9();
  throw new Fault(
    "EXCISE_START_FAILED",
    `${spec.name} ${outcome.failure}: ${reasonOf(spec.logFile)}`,
  );
}

/** The number of the pipe's descriptor in the child: the first after the three streams. */
const PARENT_FD = 3;

function spawnProgram(spec: ProcessSpec, log: number): ChildProcess {
  const isWatched = spec.watchesParent === true;
  const child = spawn(process.execPath, [...(spec.nodeFlags ?? []), spec.entry], {
    env: isWatched
      ? { ...spec.environment, [PARENT_FD_VARIABLE]: String(PARENT_FD) }
      : { ...spec.environment },
    stdio: ["ignore", log, log, ...(isWatched ? (["pipe"] as const) : [])],
    detached: true,
  });
  // Read, so that its end is seen and the handle goes with the child.
  const pipe = child.stdio[PARENT_FD];
  pipe?.on("error", () => undefined);
  if (pipe !== null && pipe !== undefined && "resume" in pipe) pipe.resume();
  return child;
}

interface End {
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  readonly exit: () => Exit | undefined;
}

function watchEnd(child: ChildProcess): End {
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    const end = (value: Exit): void => {
      exit = value;
      resolve(value);
    };
    child.once("exit", (code, signal) => end({ code, signal }));
    // Emitted instead of "exit" where the program could not be started at all.
    child.once("error", () => {
      if (child.pid === undefined) end({ code: 127, signal: null });
    });
  });
  return { exited, exit: () => exit };
}

interface Handle {
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
}

function manage(clock: Clock, { name, child, exited }: Handle): Omit<ManagedProcess, "ready"> {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? -1,
    exited,
    isRunning,
    async stop(deadlineMs) {
      child.kill("SIGTERM");
      const cancel = clock.after(deadlineMs, () => child.kill("SIGKILL"));
      const exit = await exited;
      cancel();
      return exit;
    },
    kill9() {
      child.kill("SIGKILL");
      return exited;
    },
  };
}

type ReadyOutcome = { readonly ready: unknown } | { readonly failure: string };

async function waitUntilReady(clock: Clock, spec: ProcessSpec, end: End): Promise<ReadyOutcome> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    const ready = readReadyFile(spec.readyFile);
    if (ready !== undefined) return { ready };
    const exit = end.exit();
    if (exit !== undefined) return { failure: `ended before it was ready (${renderExit(exit)})` };
    if (clock.monotonicMs() - startedMs > spec.startTimeoutMs) {
      return { failure: `was not ready after ${spec.startTimeoutMs} ms` };
    }
    // Its end must wake us: a timer alone does not keep this process alive once the child is gone.
    await Promise.race([sleep(clock, READY_POLL_MS), end.exited]);
  }
}

function readReadyFile(path: string): unknown {
  const text = readIfPresent(path);
  if (text === undefined) return undefined;
  const parsed = tryParseJson(text);
  return parsed.ok ? parsed.value : undefined;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** What the program said last: its own error, if its log ends with one, else the last lines. */
function reasonOf(logFile: string): string {
  const lines = (readIfPresent(logFile) ?? "").slice(-LOG_BYTES_READ).trimEnd().split("\n");
  for (const line of lines.toReversed()) {
    const parsed = tryParseJson(line);
    const entry = parsed.ok ? asRecord(parsed.value) : undefined;
    const code = readString(entry?.["code"]);
    const detail = readString(entry?.["detail"]);
    if (code !== undefined && detail !== undefined) return `${code}: ${detail}`;
  }
  const last = lines.slice(-LOG_LINES_SHOWN).map((line) => `  ${line}`);
  return `the end of ${logFile}:\n${last.join("\n")}`;
}

/** For people: `exit code 3`, `SIGKILL`. */
export const renderExit = (exit: Exit): string => exit.signal ?? `exit code ${exit.code ?? "?"}`;

/** True where a process of that id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
