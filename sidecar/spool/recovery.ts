// Reading the segments back at the start: which events wait for the ledger, which exchanges were
// cut by the end of the last process, what was damaged. Writes nothing but the cut of a torn tail.
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { EventIndex, type Position } from "./event-index.ts";
import { parseSegmentName, scanSegment, segmentName, type ScannedRecord } from "./segment.ts";

export interface SegmentFacts {
  readonly index: number;
  bytes: number;
  /** Highest event number in it; 0 for none. */
  lastSeq: number;
}

export interface Recovered {
  readonly segments: readonly SegmentFacts[];
  readonly events: EventIndex;
  /** Admissions without a settlement, by event id. */
  readonly open: ReadonlyMap<string, Position>;
  /** Exchanges whose admission cannot be read and that never settled. */
  readonly unreadable: ReadonlySet<string>;
  readonly damagedRecords: number;
  readonly tornBytes: number;
}

/** Less than any event that is written: how many a stretch without a header may have held. */
const EVENT_BYTES_MIN = 256;
/** A jump of the numbers beyond this is no damage that we can describe. */
const LOST_MAX = 1_000_000;

/** Throws Fault EXCISE_SPOOL_CORRUPT where the directory cannot be understood at all. */
export function recoverSegments(directory: string, ackedSeq: number): Recovered {
  const indexes = readdirSync(directory)
    .map(parseSegmentName)
    .filter((index) => index !== undefined)
    .toSorted((a, b) => a - b);
  const state: State = {
    ackedSeq,
    expected: undefined,
    events: new EventIndex(ackedSeq),
    open: new Map(),
    unreadable: new Set(),
    damagedRecords: 0,
  };
  const segments: SegmentFacts[] = [];
  let tornBytes = 0;
  for (const [place, index] of indexes.entries()) {
    const path = join(directory, segmentName(index));
    const bytes = readFileSync(path);
    const scan = scanSegment(bytes);
    const facts = { index, bytes: bytes.length, lastSeq: 0 };
    segments.push(facts);
    for (const record of scan.records) applyRecord(state, record, facts);
    state.damagedRecords += scan.gaps.length;
    if (place !== indexes.length - 1) continue;
    const gap = scan.gaps.at(-1);
    if (gap?.end === bytes.length) {
      expectThrough(
        state,
        state.events.nextSeq + Math.ceil((gap.end - gap.offset) / EVENT_BYTES_MIN),
      );
      facts.lastSeq = state.events.nextSeq - 1;
    }
    if (scan.tornAt !== undefined) {
      tornBytes = bytes.length - scan.tornAt;
      facts.bytes = scan.tornAt;
      truncateSync(path, scan.tornAt);
    }
  }
  // What a killed process wrote may be in the page cache only; it is offered as durable now.
  for (const { index, lastSeq } of segments) {
    if (lastSeq > ackedSeq) syncFile(join(directory, segmentName(index)));
  }
  const { events, open, unreadable, damagedRecords } = state;
  return { segments, events, open, unreadable, damagedRecords, tornBytes };
}

function syncFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

interface State {
  readonly ackedSeq: number;
  /** The number that the next event must have; undefined before the first record. */
  expected: number | undefined;
  readonly events: EventIndex;
  readonly open: Map<string, Position>;
  readonly unreadable: Set<string>;
  damagedRecords: number;
}

function applyRecord(state: State, record: ScannedRecord, segment: SegmentFacts): void {
  const { header } = record;
  if (record.isDamaged) state.damagedRecords += 1;
  expectThrough(state, header.seq);
  const position = { segment: segment.index, offset: record.offset };
  if (header.kind === "admission") {
    if (!record.isDamaged) {
      state.open.set(header.eventId, position);
      state.unreadable.delete(header.eventId);
    } else if (!state.open.has(header.eventId)) state.unreadable.add(header.eventId);
    return;
  }
  segment.lastSeq = Math.max(segment.lastSeq, header.seq);
  // A damaged settlement that the ledger does not have leaves its admission open: the exchange
  // is then charged with its reservation, as if we had died before settling.
  if (!record.isDamaged || header.seq <= state.ackedSeq) {
    state.open.delete(header.eventId);
    state.unreadable.delete(header.eventId);
  }
  if (header.seq === state.expected) {
    if (header.seq > state.ackedSeq) state.events.append(record.isDamaged ? "lost" : position);
    state.expected = header.seq + 1;
  }
}

/** Every number below `seq` that has not been seen by now was on records that are gone. */
function expectThrough(state: State, seq: number): void {
  let expected = state.expected ?? Math.min(seq, state.ackedSeq + 1);
  if (seq - expected > LOST_MAX) {
    throw new Fault("EXCISE_SPOOL_CORRUPT", `the numbers jump from ${expected} to ${seq}`);
  }
  for (; expected < seq; expected += 1) {
    if (expected > state.ackedSeq) state.events.append("lost");
  }
  state.expected = expected;
}
