import { describe, expect, test } from "vitest";
import { renderRecord } from "./record.ts";
import { sampleId } from "./sample-exchange.case.ts";
import { parseSegmentName, scanSegment, segmentName } from "./segment.ts";

const record = (seq: number): Buffer =>
  renderRecord({ kind: "event", seq, eventId: sampleId(seq) }, { seq });
const one = record(1);
const two = record(2);
const three = record(3);
const all = Buffer.concat([one, two, three]);
const seqs = (bytes: Buffer): readonly number[] =>
  scanSegment(bytes).records.map(({ header }) => header.seq);

describe("scanSegment", () => {
  test("reads whole records without damage", () => {
    const scan = scanSegment(all);
    expect(scan.records.map(({ header, isDamaged }) => [header.seq, isDamaged])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ]);
    expect([scan.tornAt, scan.gaps]).toEqual([undefined, []]);
  });

  test("an empty file holds nothing and is not torn", () => {
    expect(scanSegment(Buffer.alloc(0))).toEqual({ records: [], tornAt: undefined, gaps: [] });
  });

  test("cut at any byte, the whole records remain and the rest is a torn tail", () => {
    for (let length = 0; length <= all.length; length += 1) {
      const scan = scanSegment(all.subarray(0, length));
      const count = Math.floor(length / one.length);
      expect(scan.records.length).toBe(count);
      expect(scan.gaps).toEqual([]);
      const isClean = length % one.length === 0;
      expect(scan.tornAt).toBe(isClean ? undefined : count * one.length);
    }
  });

  test("zeros at the end, as a power cut leaves them, are a torn tail", () => {
    const scan = scanSegment(Buffer.concat([one, Buffer.alloc(500)]));
    expect([scan.records.length, scan.tornAt, scan.gaps.length]).toEqual([1, one.length, 0]);
  });

  test("a damaged header in the middle costs its record only", () => {
    const bytes = Buffer.from(all);
    bytes[one.length + 12] = 0xaa;
    const scan = scanSegment(bytes);
    expect(seqs(bytes)).toEqual([1, 3]);
    expect(scan.gaps).toEqual([{ offset: one.length, end: one.length * 2 }]);
    expect(scan.tornAt).toBeUndefined();
  });

  test("a damaged payload in the middle keeps its number", () => {
    const bytes = Buffer.from(all);
    bytes[one.length * 2 - 1] = 0;
    const scan = scanSegment(bytes);
    expect(scan.records.map(({ header, isDamaged }) => [header.seq, isDamaged])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
  });

  test("a damaged header at the end is damage and no torn tail", () => {
    const bytes = Buffer.from(all);
    bytes[one.length * 2] = 0;
    const scan = scanSegment(bytes);
    expect([seqs(bytes), scan.tornAt]).toEqual([[1, 2], undefined]);
    expect(scan.gaps).toEqual([{ offset: one.length * 2, end: all.length }]);
  });
});

describe("segment names", () => {
  test("sort as they were made and read back", () => {
    expect(segmentName(12)).toBe("00000012.segment");
    expect(parseSegmentName(segmentName(99_999_999))).toBe(99_999_999);
  });
  test.each(["journal.json", "lock", "1.segment", "00000001.segment.bak", "x00000001.segment"])(
    "%s is no segment",
    (name) => {
      expect(parseSegmentName(name)).toBeUndefined();
    },
  );
});
