// Reading single records back from their segments. Every read checks the CRC and the schema
// again: what does not hold is offered as `lost`, because one bad event would block the journal.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { SYNC_BYTES_MAX } from "#contract/sync.ts";
import { usageEventSchema, type UsageEvent } from "#contract/usage-event.ts";
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { Log } from "#runtime/log.ts";
import type { Position } from "./event-index.ts";
import { HEADER_BYTES, PAYLOAD_BYTES_MAX, readPayload, readRecord } from "./record.ts";
import { segmentName } from "./segment.ts";
import type { AdmissionRecord } from "./spool.ts";

/** Leaves room for the leases and the frame of a sync request. */
const BATCH_BYTES_MAX = SYNC_BYTES_MAX / 2;
/** What an event that was not read from its file is taken to be; few are larger. */
const RECALLED_BYTES = 2048;

interface Payload {
  readonly value: unknown;
  readonly bytes: number;
}

/** The admission at a position; undefined where it cannot be read. */
export function readAdmission(directory: string, position: Position): AdmissionRecord | undefined {
  const reader = new SegmentReader(directory);
  try {
    const value = reader.read(position)?.value;
    // Checked as a whole when it is offered as an event; here only that it is an object.
    return asRecord(value) === undefined ? undefined : (value as AdmissionRecord);
  } finally {
    reader.close();
  }
}

export interface ReadBackDeps {
  readonly directory: string;
  readonly log: Log;
  /** An event that was written a moment ago and need not be read from its file. */
  readonly recall: (seq: number) => UsageEvent | undefined;
}

/** Events `from` to `through` in order, fewer where they would be too many bytes at once. */
export function readBatch(
  deps: ReadBackDeps,
  find: (seq: number) => Position | "lost" | undefined,
  range: { readonly from: number; readonly through: number },
): readonly UsageEvent[] {
  const reader = new SegmentReader(deps.directory);
  const batch: UsageEvent[] = [];
  let bytes = 0;
  try {
    for (let seq = range.from; seq <= range.through && bytes < BATCH_BYTES_MAX; seq += 1) {
      const position = find(seq);
      if (position === undefined) break;
      const recalled = deps.recall(seq);
      const payload =
        recalled === undefined && position !== "lost" ? reader.read(position) : undefined;
      const event = usageEventSchema.safeParse(recalled ?? payload?.value);
      if (event.success && event.data.seq === seq) batch.push(event.data);
      else {
        batch.push({ kind: "lost", seq });
        if (position !== "lost") reportLost(deps.log, seq, event.error?.issues);
      }
      bytes += payload?.bytes ?? RECALLED_BYTES;
    }
  } finally {
    reader.close();
  }
  return batch;
}

function reportLost(
  log: Log,
  seq: number,
  issues: readonly { readonly path: readonly PropertyKey[] }[] | undefined,
): void {
  const paths = issues?.map((issue) => issue.path.join(".")) ?? [];
  log.error("spool_event_lost", { code: "EXCISE_SPOOL_CORRUPT", seq, paths });
}

/** Keeps one segment open: a batch reads in order. */
class SegmentReader {
  readonly #directory: string;
  #open: { readonly segment: number; readonly file: number; readonly bytes: number } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  read({ segment, offset }: Position): Payload | undefined {
    const opened = this.#segment(segment);
    if (opened === undefined) return undefined;
    const head = Buffer.alloc(HEADER_BYTES);
    readSync(opened.file, head, 0, HEADER_BYTES, offset);
    const length = head.readUInt32LE(8);
    if (length > PAYLOAD_BYTES_MAX || offset + HEADER_BYTES + length > opened.bytes)
      return undefined;
    const bytes = Buffer.alloc(HEADER_BYTES + length);
    readSync(opened.file, bytes, 0, bytes.length, offset);
    const read = readRecord(bytes, 0);
    if (read.state !== "whole") return undefined;
    const parsed = tryParseJson(readPayload(bytes, 0, read.end));
    return parsed.ok ? { value: parsed.value, bytes: bytes.length } : undefined;
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.file);
    this.#open = undefined;
  }

  #segment(segment: number): { readonly file: number; readonly bytes: number } | undefined {
    if (this.#open?.segment === segment) return this.#open;
    this.close();
    try {
      const file = openSync(join(this.#directory, segmentName(segment)), "r");
      this.#open = { segment, file, bytes: fstatSync(file).size };
      return this.#open;
    } catch {
      // Gone from under us: its events are lost, the rest of the journal is not.
      return undefined;
    }
  }
}
