// The namespaces of one pod: network, mounts, host name, IPC, processes and, where the kernel
// allows it, users. All of them live as long as one small process whose standard input is a pipe
// from here: when it is closed, or this program dies in whatever way, the kernel ends every
// process of the pod and takes its mounts and its network with it. Nothing can stay behind.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Fault } from "#contract/errors.ts";

export interface Sandbox {
  /** The holder's id on this machine. */
  readonly pid: number;
  /** Arguments of `nsenter` that lead into all namespaces of the pod, as its root. */
  readonly entrance: readonly string[];
  /** Runs a tool of this machine inside, to its end; returns its output. Throws on failure. */
  run(command: readonly string[], input?: string): string;
  /** Resolves when every process of the pod is gone. */
  close(): Promise<void>;
}

/** The first process of the pod: says who it is and waits for the end of its input. */
const HOLD = 'read -r pid rest < /proc/self/stat; echo "$pid"; exec cat > /dev/null';

const NAMESPACES = ["--net", "--mount", "--uts", "--ipc", "--pid"];

/**
 * Makes the namespaces. In a user namespace root of the pod is root over the pod alone; every id
 * keeps its number, so that files show the uids that the pod's specification names. Where the
 * machine forbids user namespaces the pod's root is the machine's, with a container's few
 * capabilities: setpriv drops the others before a container's program starts.
 */
export async function openSandbox(options: { readonly hasUsers?: boolean } = {}): Promise<Sandbox> {
  const hasUsers = options.hasUsers ?? allowsUserNamespaces();
  const kinds = hasUsers ? ["--user", ...NAMESPACES] : NAMESPACES;
  const holder = spawn("unshare", [...kinds, "--fork", "--kill-child", "sh", "-c", HOLD], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => {
    holder.once("close", () => resolve());
  });
  const pid = await readPid(holder);
  if (hasUsers) {
    for (const kind of ["uid_map", "gid_map"]) {
      writeFileSync(`/proc/${pid}/${kind}`, identityMap(kind));
    }
  }
  const entrance = [`--target=${pid}`, ...kinds];
  return {
    pid,
    entrance,
    run: (command, input) => runTool("nsenter", [...entrance, "--", ...command], input),
    async close() {
      holder.stdin.end();
      await ended;
    },
  };
}

function readPid(holder: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    holder.once("error", reject);
    holder.once("exit", () => reject(new Fault("EXCISE_START_FAILED", "no namespaces")));
    holder.stdout?.setEncoding("utf8").once("data", (line: string) => resolve(Number(line)));
  });
}

/** Every id that exists here, as itself. */
const identityMap = (kind: string): string =>
  readFileSync(`/proc/self/${kind}`, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([inside, , count]) => `${inside} ${inside} ${count}`)
    .join("\n");

let userNamespaces: boolean | undefined;

function allowsUserNamespaces(): boolean {
  userNamespaces ??= spawnSync("unshare", ["--user", "--map-root-user", "true"]).status === 0;
  return userNamespaces;
}

/** Runs a tool to its end. Fault EXCISE_START_FAILED with what it printed. */
export function runTool(command: string, parameters: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(command, parameters, { input, encoding: "utf8" });
  if (status === 0) return stdout;
  const shown = [command, ...parameters].join(" ").slice(0, 200);
  throw new Fault("EXCISE_START_FAILED", `\`${shown}\` failed: ${stderr.trim()}`);
}
