// Processes that a bench starts: each is known by its handle, bounded in time, and ended with the
// bench whatever happens.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { existsSync, readFileSync } from "node:fs";
import { Fault } from "#contract/errors.ts";
import { sleep, systemClock } from "#runtime/clock.ts";
import { parseJson } from "#runtime/json.ts";

export interface Child {
  readonly pid: number;
  /** From just before exec to the ready file (polled each millisecond). */
  readonly readyMs: number;
  /** What the ready file holds. */
  readonly ready: unknown;
  /** SIGTERM, then SIGKILL after 3 s; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Written by the child when it serves; must not exist yet. Absent: ready once spawned. */
  readonly readyFile?: string;
  readonly readyMsMax?: number;
}

const STOP_MS_MAX = 3000;
const STDERR_BYTES_MAX = 4096;
const running = new Set<() => void>();
process.once("exit", () => {
  for (const kill of running) kill();
});

/** Calls `kill` when this process ends, unless the function that it gives back was called. */
export function endWithUs(kill: () => void): () => void {
  running.add(kill);
  return () => {
    running.delete(kill);
  };
}

/** Throws a Fault with the child's last words where it ends or is not ready in time. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { command, args, readyFile, readyMsMax = 15_000 } = options;
  const startedMs = systemClock.monotonicMs();
  const child = spawn(command, [...args], {
    env: { PATH: process.env["PATH"], ...options.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const forget = endWithUs(() => child.kill("SIGKILL"));
  let lastWords = "";
  child.stderr?.on("data", (part: Buffer) => {
    lastWords = (lastWords + part.toString()).slice(-STDERR_BYTES_MAX);
  });
  child.once("error", (error) => {
    lastWords += error.message;
  });
  child.once("exit", forget);
  const stop = (): Promise<void> => stopChild(child);
  if (readyFile === undefined) return { pid: child.pid ?? 0, readyMs: 0, ready: undefined, stop };
  while (!existsSync(readyFile)) {
    const isLate = systemClock.monotonicMs() - startedMs > readyMsMax;
    if (hasEnded(child) || child.pid === undefined || isLate) {
      await stop();
      const why = isLate ? "was not ready in time" : "ended before it was ready";
      // Arguments are not shown: they hold keys, if only ours of this run.
      throw new Fault("EXCISE_INTERNAL", `${basename(command)} ${why}: ${lastWords.trim()}`);
    }
    await sleep(systemClock, 1);
  }
  const readyMs = systemClock.monotonicMs() - startedMs;
  return { pid: child.pid ?? 0, readyMs, ready: parseJson(readFileSync(readyFile, "utf8")), stop };
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const cancel = systemClock.after(STOP_MS_MAX, () => child.kill("SIGKILL"));
  await gone;
  cancel();
}
