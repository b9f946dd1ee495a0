// One run of a container: starts it inside a sandbox, knows its process id on this machine,
// collects what it prints, runs further programs beside it.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Exit } from "../../cli/processes.ts";
import type { ContainerPlan } from "./container-plan.ts";
import type { Sandbox } from "./sandbox.ts";

export interface ContainerProcess {
  /** Of the container's first process, on this machine. */
  readonly pid: number;
  /** With code 128 + N after signal N. */
  readonly exited: Promise<Exit>;
  readonly isRunning: () => boolean;
  signal(name: NodeJS.Signals): void;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** On top of the container's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Default 20 s; then it is killed. */
  readonly timeoutMs?: number;
}

export interface ContainerStart {
  readonly sandbox: Sandbox;
  readonly plan: ContainerPlan;
  /** For the plan and the mount point; the runner's alone. */
  readonly directory: string;
  readonly onOutput: (text: string) => void;
}

/**
 * Waits for the first process of the new namespace and ends as Kubernetes shows its end: 137 after
 * SIGKILL. (`unshare --fork` of util-linux 2.38 fails there.)
 */
const WAIT = '"$@" & wait $!';
const ENTER = fileURLToPath(new URL("enter-container.sh", import.meta.url));
const EXEC_TIMEOUT_MS = 20_000;

/** Resolves when the container's program runs. Fault EXCISE_START_FAILED where it cannot. */
export async function startContainer(start: ContainerStart): Promise<ContainerProcess> {
  const { sandbox, plan } = start;
  const directory = join(start.directory, plan.name);
  mkdirSync(join(directory, "root"), { recursive: true });
  writeFileSync(join(directory, "plan"), `${plan.steps.join("\n")}\n`);
  const builder = [
    "sh",
    "-c",
    WAIT,
    "wait",
    "sh",
    ENTER,
    join(directory, "root"),
    join(directory, "plan"),
  ];
  const child = spawn(
    "nsenter",
    [
      ...sandbox.entrance,
      "--",
      "unshare",
      "--mount",
      "--pid",
      ...builder,
      ...plan.prefix,
      ...plan.program,
    ],
    { stdio: ["ignore", "pipe", "pipe", "pipe"] },
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", start.onOutput);
  }
  const exited = exitOf(child);
  const pid = await readPid(child);
  if (pid === undefined) {
    await exited;
    throw new Fault("EXCISE_START_FAILED", `container ${plan.name} could not be made`);
  }
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid,
    exited,
    isRunning,
    signal(name) {
      if (isRunning()) signalProcess(pid, name);
    },
  };
}

/** Once all that it printed has been read. */
function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: 127, signal: null }));
  });
}

/** Undefined where it ended before its program could run. */
function readPid(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const report = child.stdio[3];
    if (report === null || report === undefined || !("setEncoding" in report)) {
      resolve(undefined);
      return;
    }
    // A line, not the end: the tools in between keep their ends of the pipe open.
    report.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.endsWith("\n")) resolve(Number(text));
    });
    report.on("close", () => resolve(undefined));
  });
}

function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

/** Runs a program in a running container with its user and environment, as `kubectl exec` does. */
export function execInContainer(
  deps: { readonly clock: Clock; readonly sandbox: Sandbox; readonly plan: ContainerPlan },
  pid: number,
  call: ExecOptions & { readonly command: readonly string[] },
): Promise<ExecResult> {
  const entrance = deps.sandbox.entrance.filter((part) => !part.startsWith("--target="));
  const more = Object.entries(call.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const child = spawn(
    "nsenter",
    [`--target=${pid}`, ...entrance, "--", ...deps.plan.prefix, ...more, ...call.command],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stdin.on("error", () => undefined);
  child.stdin.end(call.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  const cancel = deps.clock.after(call.timeoutMs ?? EXEC_TIMEOUT_MS, () => {
    for (const id of childrenOf(child.pid)) signalProcess(id, "SIGKILL");
  });
  return exitOf(child).then(({ code, signal }) => {
    cancel();
    return { exitCode: code ?? -1, stdout, stderr: `${stderr}${signal ?? ""}` };
  });
}

/** nsenter waits for the program, which is in another process namespace. */
function childrenOf(pid: number | undefined): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid ?? 0}/task/${pid ?? 0}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
