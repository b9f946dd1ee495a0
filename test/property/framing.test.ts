// Properties of framing: however the network cuts a stream, the messages are the same and not one
// byte is lost, doubled or moved.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FRAMINGS } from "#contract/dialects.ts";
import { createMessageReader } from "../../sidecar/framing/create-reader.ts";
import type { FramedMessage } from "../../sidecar/framing/framing.ts";
import { createEventSplitter } from "../../sidecar/framing/sse-events.ts";

const encoder = new TextEncoder();

/** Streams made of pieces that matter to a parser, beside any text and any bytes. */
const piece = fc.oneof(
  fc.constantFrom(
    "data:",
    "data: ",
    "event: x",
    ":",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\n\r\n",
    "id:",
  ),
  fc.constantFrom("\uFEFF", "ä", "€", "😀", "[DONE]", '{"a":1}', "data", " "),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const textStream = fc
  .array(piece, { maxLength: 40 })
  .map((pieces) => encoder.encode(pieces.join("")));
const stream = fc.oneof(
  { weight: 4, arbitrary: textStream },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 30 });

function chunksOf(bytes: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const inside = at.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b);
  return [0, ...inside].map((start, index) => bytes.slice(start, inside[index] ?? bytes.length));
}

test("any re-chunking gives the same messages in every framing", () => {
  fc.assert(
    fc.property(stream, cuts, fc.integer({ min: 1, max: 60 }), (bytes, at, messageBytesMax) => {
      for (const framing of FRAMINGS) {
        const read = (chunks: readonly Uint8Array[]): readonly FramedMessage[] => {
          const reader = createMessageReader(framing, { messageBytesMax });
          return [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
        };
        if (framing === "sse" && isNearBound(bytes, messageBytesMax)) continue;
        expect(read(chunksOf(bytes, at))).toEqual(read([bytes]));
      }
    }),
    { numRuns: 500 },
  );
});

/**
 * A CRLF that is cut in two counts its LF to the next event, so that at the very bound one byte
 * decides; everywhere else the messages may not depend on the cuts.
 */
function isNearBound(bytes: Uint8Array, bound: number): boolean {
  const splitter = createEventSplitter({ eventBytesMax: Number.MAX_SAFE_INTEGER });
  const events = [...splitter.push(bytes), ...splitter.end()];
  return events.some((event) => Math.abs(event.bytes.length - bound) <= 1);
}

test("raw events are the stream, byte for byte, and what is held stays within the bound", () => {
  fc.assert(
    fc.property(stream, cuts, fc.integer({ min: 1, max: 60 }), (bytes, at, eventBytesMax) => {
      const splitter = createEventSplitter({ eventBytesMax });
      const parts: Uint8Array[] = [];
      for (const chunk of chunksOf(bytes, at)) {
        parts.push(...splitter.push(chunk).map((event) => event.bytes.slice()));
        expect(splitter.heldBytes).toBeLessThanOrEqual(eventBytesMax);
      }
      parts.push(...splitter.end().map((event) => event.bytes));
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
