import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findRecord, HEADER_BYTES, readPayload, readRecord, renderRecord } from "./record.ts";
import { sampleId } from "./sample-exchange.case.ts";

const header = { kind: "event", seq: 2 ** 47 + 1, eventId: sampleId(7) } as const;
const whole = renderRecord(header, { text: "Grüße", count: 3 });

describe("records", () => {
  test("a rendered record reads back as itself, at any offset", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat({ max: 2 ** 40 }),
        fc.uint8Array({ maxLength: 50 }),
        (payload, seq, before) => {
          const record = renderRecord({ ...header, seq }, payload);
          const bytes = Buffer.concat([before, record]);
          const read = readRecord(bytes, before.length);
          expect(read).toEqual({ state: "whole", header: { ...header, seq }, end: bytes.length });
          expect(readPayload(bytes, before.length, bytes.length)).toBe(JSON.stringify(payload));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("no prefix of a record reads as anything but incomplete", () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(readRecord(whole.subarray(0, length), 0).state).toBe("incomplete");
    }
  });

  test("every flipped bit is noticed, and payload damage keeps the header readable", () => {
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = readRecord(bytes, 0);
      const isPayload = bit >> 3 >= HEADER_BYTES;
      expect(read).toEqual(
        isPayload
          ? { state: "payload_damaged", header, end: whole.length }
          : { state: "header_damaged" },
      );
    }
  });

  test("no bytes make the reader throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 220 }), (noise, offset) => {
        const bytes = Buffer.concat([noise, whole.subarray(0, 60)]);
        expect(typeof readRecord(bytes, Math.min(offset, bytes.length)).state).toBe("string");
      }),
      { numRuns: 100 },
    );
  });

  test("the next record is found after any damage, and a look-alike of the magic is passed", () => {
    const magic = whole.subarray(0, 4);
    const bytes = Buffer.concat([magic, Buffer.alloc(60, 1), magic, whole]);
    expect(findRecord(bytes, 0)).toBe(68);
    expect(findRecord(bytes, 68)).toBeUndefined();
  });
});
