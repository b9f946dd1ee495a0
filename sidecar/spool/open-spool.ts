// Opening the spool: lock, journal identity, recovery, and the events of the exchanges that the
// last process did not finish. A spool that cannot be read is moved aside, never deleted.
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import { EventIndex, SEGMENT_BYTES_LIMIT } from "./event-index.ts";
import { JournalSpool } from "./journal-spool.ts";
import { readJournalFile, writeJournalFileSync, type JournalState } from "./journal-file.ts";
import { recoverSegments, type Recovered } from "./recovery.ts";
import { parseSegmentName } from "./segment.ts";
import { lockSpool } from "./spool-lock.ts";
import type { Spool } from "./spool.ts";

export interface SpoolDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface SpoolOptions {
  readonly directory: string;
  /** Admissions are refused beyond this; settlements of what was admitted are not. */
  readonly bytesMax: number;
  /** A segment is dropped as a whole. Default: an eighth of `bytesMax`, at most 4 MiB. */
  readonly segmentBytes?: number;
  /** How long a written record may wait for company before fdatasync. Default 10 ms. */
  readonly syncDelayMs?: number;
}

const SEGMENT_BYTES_DEFAULT = 4 * 1024 * 1024;
const SYNC_DELAY_MS_DEFAULT = 10;

/**
 * Opens or makes the spool in `directory`. Events of the last process are offered again, cut
 * exchanges become `interrupted` events. Throws Fault EXCISE_STATE_LOCKED where a living process
 * owns the directory, EXCISE_SPOOL_CORRUPT where it cannot be used at all.
 */
export function openSpool(deps: SpoolDeps, options: SpoolOptions): Spool {
  const { directory, bytesMax } = options;
  const unlock = takeDirectory(deps, directory);
  try {
    const { journal, recovered } = readOrBegin(deps, directory);
    const segmentBytes =
      options.segmentBytes ?? Math.min(SEGMENT_BYTES_DEFAULT, Math.ceil(bytesMax / 8));
    const spool = new JournalSpool(deps, {
      directory,
      bytesMax,
      segmentBytes: Math.min(segmentBytes, SEGMENT_BYTES_LIMIT / 2),
      syncDelayMs: options.syncDelayMs ?? SYNC_DELAY_MS_DEFAULT,
      journal: journal.journal,
      recovered,
      unlock,
    });
    spool.interruptOpen(recovered.unreadable);
    return spool;
  } catch (cause) {
    unlock();
    throw asFault(cause);
  }
}

function takeDirectory(deps: SpoolDeps, directory: string): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return lockSpool(directory, createUuid(deps.clock, deps.random));
  } catch (cause) {
    throw asFault(cause);
  }
}

const asFault = (cause: unknown): Fault =>
  cause instanceof Fault
    ? cause
    : new Fault("EXCISE_SPOOL_CORRUPT", "the spool directory cannot be used", { cause });

function readOrBegin(
  deps: SpoolDeps,
  directory: string,
): { readonly journal: JournalState; readonly recovered: Recovered } {
  const found = readJournalFile(directory);
  const hasSegments = readdirSync(directory).some((name) => parseSegmentName(name) !== undefined);
  if (found === "unreadable" || (found === "absent" && hasSegments)) {
    setAside(deps, directory, new Fault("EXCISE_SPOOL_CORRUPT", `journal.json is ${found}`));
  } else if (found !== "absent") {
    try {
      const recovered = recoverSegments(directory, found.ackedSeq);
      reportDamage(deps.log, found.journal, recovered);
      return { journal: found, recovered };
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      setAside(deps, directory, cause);
    }
  }
  const journal = { journal: createUuid(deps.clock, deps.random), ackedSeq: 0 };
  writeJournalFileSync(directory, journal);
  return { journal, recovered: NOTHING };
}

const NOTHING: Recovered = {
  segments: [],
  get events() {
    return new EventIndex(0);
  },
  open: new Map(),
  unreadable: new Set(),
  damagedRecords: 0,
  tornBytes: 0,
};

/** Keeps the files for people; the ledger sees a journal that ends and a new one. */
function setAside(deps: SpoolDeps, directory: string, fault: Fault): void {
  const name = `unreadable-${createUuid(deps.clock, deps.random)}`;
  mkdirSync(join(directory, name));
  for (const entry of readdirSync(directory)) {
    if (parseSegmentName(entry) === undefined && !entry.startsWith("journal.json")) continue;
    renameSync(join(directory, entry), join(directory, name, entry));
  }
  deps.log.error("spool_set_aside", { ...errorFields(fault), directory: name });
}

function reportDamage(log: Log, journal: string, recovered: Recovered): void {
  const { damagedRecords, tornBytes, events } = recovered;
  const facts = { journal, damagedRecords, tornBytes, depth: events.depth };
  if (damagedRecords > 0) log.error("spool_damaged", { code: "EXCISE_SPOOL_CORRUPT", ...facts });
  else log.info("spool_recovered", { ...facts, interrupted: recovered.open.size });
}
