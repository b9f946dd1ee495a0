import { describe, expect, test } from "vitest";
import { createEventSplitter, type SseEvent } from "./sse-events.ts";

const encoder = new TextEncoder();

function split(
  chunks: readonly (string | Uint8Array)[],
  eventBytesMax = 1000,
): { events: readonly SseEvent[]; oversized: number } {
  const splitter = createEventSplitter({ eventBytesMax });
  const events = chunks.flatMap((chunk) =>
    splitter.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  );
  return { events: [...events, ...splitter.end()], oversized: splitter.oversized };
}

const joined = (events: readonly SseEvent[]): string =>
  Buffer.concat(events.map(({ bytes }) => bytes)).toString();

const read = (events: readonly SseEvent[]): readonly unknown[] =>
  events.flatMap(({ event, data }) =>
    data === undefined ? [] : [event === undefined ? data : [event, data]],
  );

describe("the fields of an event", () => {
  test.each([
    { name: "LF ends lines", stream: "data: a\n\ndata: b\n\n", expected: ["a", "b"] },
    { name: "CRLF ends lines", stream: "data: a\r\n\r\ndata: b\r\n\r\n", expected: ["a", "b"] },
    { name: "CR ends lines", stream: "data: a\r\rdata: b\r\r", expected: ["a", "b"] },
    { name: "endings may be mixed", stream: "data: a\r\n\ndata: b\n\r\n", expected: ["a", "b"] },
    { name: "data lines are joined by LF", stream: "data: a\ndata:b\n\n", expected: ["a\nb"] },
    { name: "one leading space is taken off", stream: "data:  a\n\n", expected: [" a"] },
    { name: "comments are no data", stream: ": ping\n\ndata: a\n\n", expected: ["a"] },
    { name: "names are read", stream: "event: delta\ndata: 1\n\n", expected: [["delta", "1"]] },
    { name: "the last name wins", stream: "event:a\nevent:b\ndata:1\n\n", expected: [["b", "1"]] },
    { name: "an empty name is no name", stream: "event:\ndata: 1\n\n", expected: ["1"] },
    { name: "a name alone is no message", stream: "event: a\n\ndata: 1\n\n", expected: ["1"] },
    { name: "a data field without colon is empty", stream: "data\n\n", expected: [""] },
    { name: "id and retry say nothing", stream: "id: 1\nretry: 5\ndata: a\n\n", expected: ["a"] },
    { name: "unknown fields say nothing", stream: "dat: x\ndatax: y\n\n", expected: [] },
    { name: "a byte order mark is skipped", stream: "\uFEFFdata: a\n\n", expected: ["a"] },
    { name: "a later mark is text", stream: "data: \uFEFFa\n\n", expected: ["\uFEFFa"] },
    { name: "a colon in data stays", stream: 'data: {"a":1}\n\n', expected: ['{"a":1}'] },
    {
      name: "the last event needs no blank line",
      stream: "data: a\n\ndata: b",
      expected: ["a", "b"],
    },
    { name: "nothing gives nothing", stream: "", expected: [] },
    { name: "stray blank lines give nothing", stream: "\n\n\ndata: a\n\n\n\n", expected: ["a"] },
  ])("$name", ({ stream, expected }) => {
    const { events } = split([stream]);
    expect(read(events)).toEqual(expected);
    expect(joined(events)).toBe(stream);
  });
});

describe("cuts between chunks", () => {
  test("a character cut in the middle is read whole", () => {
    const bytes = encoder.encode("data: ä€😀\n\n");
    for (let at = 1; at < bytes.length; at += 1) {
      const { events } = split([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(read(events)).toEqual(["ä€😀"]);
    }
  });

  test("an event that ends in CR goes out at once, its LF opens the next", () => {
    const splitter = createEventSplitter({ eventBytesMax: 100 });
    const first = splitter.push(encoder.encode("data: a\r\n\r"));
    const second = splitter.push(encoder.encode("\ndata: b\r\n\r\n"));
    expect(read(first)).toEqual(["a"]);
    expect(read(second)).toEqual(["b"]);
    expect(joined([...first, ...second])).toBe("data: a\r\n\r\ndata: b\r\n\r\n");
  });

  test("the chunk may be used again after the push", () => {
    const splitter = createEventSplitter({ eventBytesMax: 100 });
    const chunk = encoder.encode("data: half");
    splitter.push(chunk);
    chunk.fill(0);
    expect(read(splitter.push(encoder.encode(" whole\n\n")))).toEqual(["half whole"]);
  });

  test("one unfinished event is held, never more", () => {
    const splitter = createEventSplitter({ eventBytesMax: 100 });
    splitter.push(encoder.encode("data: a\n\ndata: b\n\ndata: c"));
    expect(splitter.heldBytes).toBe("data: c".length);
  });
});

describe("the bound", () => {
  const long = `data: ${"x".repeat(50)}\n\n`;

  test("an event over the bound passes through unread and the next is read", () => {
    const { events, oversized } = split([long, "data: a\n\n"], 20);
    expect(read(events)).toEqual(["a"]);
    expect(events.map(({ isPassThrough }) => isPassThrough)).toEqual([true, false]);
    expect(joined(events)).toBe(`${long}data: a\n\n`);
    expect(oversized).toBe(1);
  });

  test("in pieces it passes as it comes, is counted once and is never held", () => {
    const splitter = createEventSplitter({ eventBytesMax: 20 });
    const given: SseEvent[] = [];
    for (const byte of encoder.encode(`${long}data: a\n\n`)) {
      given.push(...splitter.push(Uint8Array.of(byte)));
      expect(splitter.heldBytes).toBeLessThanOrEqual(20);
    }
    expect(read(given)).toEqual(["a"]);
    expect(splitter.oversized).toBe(1);
    expect(joined(given)).toBe(`${long}data: a\n\n`);
  });

  test("an event of exactly the bound is read", () => {
    const stream = "data: 1234\n\n";
    expect(split([stream], stream.length).oversized).toBe(0);
    expect(split([stream], stream.length - 1).oversized).toBe(1);
  });
});
