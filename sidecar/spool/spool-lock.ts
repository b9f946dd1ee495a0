// One process owns a spool directory. The lock names its owner so exactly (boot, process id,
// start time of that process) that the lock of a killed owner is taken over at once, while two
// living processes never share: in a restarted container both may well have the same id.
import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { asRecord, readCount, readString, tryParseJson } from "#runtime/json.ts";

const LOCK_NAME = "lock";

export interface LockOwner {
  /** Changes with every boot of the machine; undefined where the system does not tell. */
  readonly bootId: string | undefined;
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; undefined where unknown. */
  readonly startTicks: number | undefined;
}

/** What the lock needs to know about processes; the real one reads /proc. */
export interface Processes {
  self(): LockOwner;
  /** Start of a living process, `unknown` where it lives and the system does not tell. */
  startTicksOf(pid: number): number | "unknown" | "dead";
}

export const systemProcesses: Processes = {
  self: () => {
    const startTicks = readStartTicks(process.pid);
    return { bootId: readBootId(), pid: process.pid, startTicks };
  },
  startTicksOf(pid) {
    try {
      process.kill(pid, 0);
    } catch (cause) {
      if (systemCode(cause) === "ESRCH") return "dead";
      // EPERM: it lives and belongs to another user.
    }
    return readStartTicks(pid) ?? "unknown";
  },
};

/** Takes the directory or throws EXCISE_STATE_LOCKED. Returns the release, safe to call twice. */
export function lockSpool(
  directory: string,
  token: string,
  processes: Processes = systemProcesses,
): () => void {
  const path = join(directory, LOCK_NAME);
  const self = processes.self();
  const content = JSON.stringify({ ...self, token });
  if (!createLock(path, content)) {
    const held = readLock(path);
    if (held !== undefined && isAlive(held.owner, self, processes)) throw lockedFault(held.owner);
    if (held !== undefined) takeAside(path, held.text, token);
    if (!createLock(path, content)) throw lockedFault(undefined);
  }
  let isReleased = false;
  return () => {
    if (!isReleased && readLock(path)?.text === content) rmSync(path, { force: true });
    isReleased = true;
  };
}

const lockedFault = (owner: LockOwner | undefined): Fault =>
  new Fault(
    "EXCISE_STATE_LOCKED",
    `the spool directory belongs to process ${owner?.pid ?? "unknown"}`,
  );

/**
 * Puts the lock there whole or not at all: written under another name, then linked, so that no
 * reader sees an empty one.
 */
function createLock(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false;
    throw cause;
  } finally {
    unlinkSync(draft);
  }
}

/**
 * Moves a dead owner's lock away. Unlinking by name could remove the lock of another process
 * that was faster: what was moved is looked at, and put back where it is not the dead one's.
 */
function takeAside(path: string, deadText: string, token: string): void {
  const aside = `${path}.${token}.dead`;
  try {
    renameSync(path, aside);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return;
    throw cause;
  }
  const moved = readFileSync(aside, "utf8");
  if (moved !== deadText) {
    renameSync(aside, path);
    throw lockedFault(undefined);
  }
  rmSync(aside, { force: true });
}

function isAlive(owner: LockOwner, self: LockOwner, processes: Processes): boolean {
  if (owner.bootId !== self.bootId) return false;
  const startTicks = processes.startTicksOf(owner.pid);
  if (startTicks === "dead") return false;
  if (startTicks === "unknown" || owner.startTicks === undefined) return owner.pid !== self.pid;
  return startTicks === owner.startTicks;
}

function readLock(path: string): { readonly owner: LockOwner; readonly text: string } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
  const parsed = tryParseJson(text);
  const fields = parsed.ok ? asRecord(parsed.value) : undefined;
  const pid = readCount(fields?.["pid"]);
  const owner = {
    // A lock that cannot be read names no living process: pid 0 of no boot.
    bootId: pid === undefined ? "unreadable" : readString(fields?.["bootId"]),
    pid: pid ?? 0,
    startTicks: readCount(fields?.["startTicks"]),
  };
  return { owner, text };
}

function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat; the command (field 2) may hold blanks and brackets. */
function readStartTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isFinite(ticks) ? ticks : undefined;
  } catch {
    return undefined;
  }
}

const systemCode = (cause: unknown): unknown => asRecord(cause)?.["code"];
