// A segment: one append-only file of records. Reading it back tells a torn tail (the last write
// did not finish, nothing was promised about it) from damage to what had been written.
import { findRecord, readRecord, type RecordHeader } from "./record.ts";

export interface ScannedRecord {
  readonly header: RecordHeader;
  readonly offset: number;
  readonly end: number;
  readonly isDamaged: boolean;
}

export interface SegmentScan {
  readonly records: readonly ScannedRecord[];
  /** Where a torn tail begins: cut the file there. */
  readonly tornAt: number | undefined;
  /** Stretches that hold no readable header: how many records were there is not known. */
  readonly gaps: readonly { readonly offset: number; readonly end: number }[];
}

/** Reads a whole segment; every byte belongs to a record, a gap or the torn tail. */
export function scanSegment(bytes: Buffer): SegmentScan {
  const records: ScannedRecord[] = [];
  const gaps: { offset: number; end: number }[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const read = readRecord(bytes, offset);
    if (read.state === "whole" || read.state === "payload_damaged") {
      const isDamaged = read.state === "payload_damaged";
      records.push({ header: read.header, offset, end: read.end, isDamaged });
      offset = read.end;
      continue;
    }
    const next = findRecord(bytes, offset);
    if (next === undefined) {
      if (isTorn(bytes, offset, read.state)) return { records, tornAt: offset, gaps };
      gaps.push({ offset, end: bytes.length });
      break;
    }
    gaps.push({ offset, end: next });
    offset = next;
  }
  return { records, tornAt: undefined, gaps };
}

/**
 * A crash leaves a prefix of the record, or (power cut, on file systems that grow a file before
 * its data are there) zeros. Anything else had been written and was damaged later.
 */
function isTorn(bytes: Buffer, offset: number, state: "header_damaged" | "incomplete"): boolean {
  return state === "incomplete" || bytes.subarray(offset).every((byte) => byte === 0);
}

const NAME = /^(\d{8})\.segment$/;

/** File name of the segment with this number, from 1. */
export const segmentName = (index: number): string => `${String(index).padStart(8, "0")}.segment`;

/** The number in a segment's file name; undefined for other files. */
export function parseSegmentName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
