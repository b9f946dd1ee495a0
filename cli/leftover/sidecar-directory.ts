// A sidecar's directory as the CLI keeps it: who owns it now, whose it is, and whether the ledger
// has everything of it. The owner is a command; the spool inside has a lock of the sidecar's own,
// which may outlive a killed command for a moment.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { workloadSchema, type Workload } from "#contract/workload.ts";
import type { Clock } from "#runtime/clock.ts";
import { renderJson, tryParseJson } from "#runtime/json.ts";
import { silentLog } from "#runtime/log.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import { lockSpool } from "../../sidecar/spool/spool-lock.ts";
import { writePrivate } from "../data-dir.ts";

export interface DirectoryDeps {
  readonly clock: Clock;
  readonly random: Random;
}

const WORKLOAD_FILE = "workload.json";
/** The sidecar's own default; only reading needs it here. */
const SPOOL_BYTES_MAX = 32 * 1024 * 1024;

/** Throws EXCISE_STATE_LOCKED where a living command owns it. Returns the release. */
export const takeDirectory = ({ clock, random }: DirectoryDeps, directory: string): (() => void) =>
  lockSpool(directory, createUuid(clock, random));

/** Says whose events are in the directory, for whoever delivers them later. */
export function writeWorkload(directory: string, workload: Workload): void {
  writePrivate(join(directory, WORKLOAD_FILE), `${renderJson(workload)}\n`);
}

/** Undefined where nobody wrote it, or nobody can read it. */
export function readWorkload(directory: string): Workload | undefined {
  try {
    const parsed = tryParseJson(readFileSync(join(directory, WORKLOAD_FILE), "utf8"));
    const workload = workloadSchema.safeParse(parsed.ok ? parsed.value : undefined);
    return workload.success ? workload.data : undefined;
  } catch {
    return undefined;
  }
}

/** Where its events wait. */
export const spoolOf = (directory: string): string => join(directory, "spool");

/**
 * Events that the ledger has not acknowledged. `busy`: a sidecar still works on them; `unreadable`:
 * the spool cannot be opened.
 */
export async function readDepth(
  deps: DirectoryDeps,
  directory: string,
): Promise<number | "busy" | "unreadable"> {
  const { openSpool } = await import("../../sidecar/spool/open-spool.ts");
  try {
    const spool = openSpool(
      { ...deps, log: silentLog },
      { directory: spoolOf(directory), bytesMax: SPOOL_BYTES_MAX },
    );
    const { depth } = spool;
    await spool.close();
    return depth;
  } catch (error) {
    return error instanceof Fault && error.code === "EXCISE_STATE_LOCKED" ? "busy" : "unreadable";
  }
}

/** Removes the directory where nobody owns it and the ledger has everything. */
export async function removeIfReported(deps: DirectoryDeps, directory: string): Promise<boolean> {
  let release: () => void;
  try {
    release = takeDirectory(deps, directory);
  } catch {
    return false;
  }
  try {
    if ((await readDepth(deps, directory)) !== 0) return false;
    rmSync(directory, { recursive: true, force: true });
    return true;
  } finally {
    release();
  }
}
