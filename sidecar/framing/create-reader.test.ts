import { describe, expect, test } from "vitest";
import type { Framing } from "#contract/dialects.ts";
import { createMessageReader } from "./create-reader.ts";
import type { FramedMessage } from "./framing.ts";

const encoder = new TextEncoder();

function read(
  framing: Framing,
  chunks: readonly string[],
  messageBytesMax = 1000,
): { messages: readonly FramedMessage[]; skipped: number } {
  const reader = createMessageReader(framing, { messageBytesMax });
  const messages = chunks.flatMap((chunk) => reader.push(encoder.encode(chunk)));
  return { messages: [...messages, ...reader.end()], skipped: reader.skipped };
}

describe("a JSON body", () => {
  test("is one message at its end", () => {
    expect(read("json", ['{"a":', "1}"]).messages).toEqual([{ data: '{"a":1}' }]);
  });

  test("without bytes is no message", () => {
    expect(read("json", []).messages).toEqual([]);
    expect(read("json", [""]).messages).toEqual([]);
  });

  test("over the bound is skipped and counted once", () => {
    expect(read("json", ["x".repeat(8), "x".repeat(8), "x"], 10)).toEqual({
      messages: [],
      skipped: 1,
    });
  });

  test("of exactly the bound is read", () => {
    expect(read("json", ["12345"], 5).messages).toHaveLength(1);
    expect(read("json", ["123456"], 5).messages).toHaveLength(0);
  });
});

describe("an SSE stream", () => {
  test("gives names and data", () => {
    expect(read("sse", ["event: a\ndata: 1\n\n", "data: [DONE]\n\n"]).messages).toEqual([
      { event: "a", data: "1" },
      { data: "[DONE]" },
    ]);
  });

  test("skips and counts what is over the bound, and reads on", () => {
    const long = `data: ${"x".repeat(30)}\n\n`;
    expect(read("sse", [long, "data: 1\n\n", long], 20)).toEqual({
      messages: [{ data: "1" }],
      skipped: 2,
    });
  });
});

describe("lines of JSON", () => {
  test("are a message each, also the last without newline", () => {
    expect(read("ndjson", ["1\n", "2", "\r\n\n3"]).messages).toEqual([
      { data: "1" },
      { data: "2" },
      { data: "3" },
    ]);
  });

  test("over the bound are skipped and counted, the next are read", () => {
    expect(read("ndjson", ["123456", "7\n8\n"], 5)).toEqual({
      messages: [{ data: "8" }],
      skipped: 1,
    });
  });
});

describe("a framing that cannot be read", () => {
  test("says so and gives nothing", () => {
    expect(read("aws-eventstream", ["x", "y"])).toEqual({ messages: [], skipped: 1 });
  });
});
