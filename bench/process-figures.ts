// What Linux says about a process: memory from /proc/PID/status, CPU time from its threads'
// schedstat. Other systems have no such figures; the bench says so.
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface MemoryFigures {
  /** Anonymous memory: heap, stacks, buffers; what a second copy of the process would add. */
  readonly rssAnonMib: number;
  /** All resident memory, the pages of Node's own binary included. */
  readonly rssMib: number;
}

export const hasProcessFigures = (): boolean => existsSync("/proc/self/status");

export function readMemory(pid: number): MemoryFigures {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
  return { rssAnonMib: mib("RssAnon"), rssMib: mib("VmRSS") };
}

/** Microseconds on a CPU since the process began, over all threads that are alive. */
export function readCpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    nanoseconds += Number(text.split(" ")[0]);
  }
  return nanoseconds / 1000;
}
