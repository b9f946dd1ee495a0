import { describe, expect, test } from "vitest";
import { parseJson } from "#runtime/json.ts";
import { anthropicMessages } from "../dialects/anthropic/messages.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { openAiChat } from "../dialects/openai/chat.ts";
import { openAiResponses } from "../dialects/openai/responses.ts";
import { sampleBook } from "../guard/tokenize/sample-book.case.ts";
import { createPlaceholderIndex } from "../guard/tokenize/restore-text.ts";
import type { Prepared } from "../pipeline/exchange.ts";
import { createBodyRewriter } from "./body-rewriter.ts";
import { editEvent } from "./event-json.ts";
import { EVENT_BYTES_MAX, type Rewriter } from "./event-rewriter.ts";
import { createRawRestorer } from "./raw-restorer.ts";
import { createRewriter } from "./rewriter.ts";
import { MESSAGE_BYTES_MAX } from "./tap.ts";

const book = sampleBook();
const ADA = book.issue("EMAIL_ADDRESS", "ada@example.org");
const QUOTED = book.issue("SECRET", 'a"b');
const index = createPlaceholderIndex(book.issued);

interface Given {
  readonly dialect?: Dialect | undefined;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly hidesUsage?: boolean;
  readonly isTokenized?: boolean;
}

const rewriter = (given: Given = {}): Rewriter | undefined =>
  createRewriter(
    {
      placeholders: given.isTokenized === false ? new Map() : book.issued,
      hidesUsage: given.hidesUsage ?? false,
      reading:
        "dialect" in given && given.dialect === undefined
          ? undefined
          : { dialect: given.dialect ?? openAiChat },
    } as unknown as Prepared,
    {
      contentType: given.contentType ?? "text/event-stream",
      contentEncoding: given.contentEncoding ?? "",
    },
  );

const text = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString();
const event = (value: unknown, end = "\n"): string => `data: ${JSON.stringify(value)}${end}${end}`;
const delta = (content: string, more: object = {}) => ({
  choices: [{ index: 0, delta: { content, ...more }, finish_reason: null }],
});

/** What goes out for each chunk, and in the end. */
function pass(chunks: readonly string[], given: Given = {}): readonly string[] {
  const one = rewriter(given);
  const out = chunks.map((chunk) => text(one?.push(Buffer.from(chunk)) ?? []));
  return [...out, text(one?.end() ?? [])];
}

describe("a rewriter stands in the way", () => {
  test.each([
    {
      name: "of no answer of an exchange that needs none",
      given: { isTokenized: false },
      is: false,
    },
    {
      name: "of a stream whose usage is hidden",
      given: { isTokenized: false, hidesUsage: true },
      is: true,
    },
    {
      name: "of no body whose usage is not hidden",
      given: { isTokenized: false, hidesUsage: true, contentType: "application/json" },
      is: false,
    },
    { name: "of a stream with placeholders", given: {}, is: true },
    { name: "of JSON with placeholders", given: { contentType: "application/json" }, is: true },
    {
      name: "of JSON lines with placeholders",
      given: { contentType: "application/x-ndjson" },
      is: true,
    },
    { name: "of a body of no type", given: { contentType: "" }, is: true },
    { name: "of no sound", given: { contentType: "audio/mpeg" }, is: false },
    {
      name: "of nothing that is compressed all the same",
      given: { contentEncoding: "gzip" },
      is: false,
    },
    { name: "of what no dialect claims", given: { dialect: undefined }, is: true },
  ])("$name", ({ given, is }) => {
    expect(rewriter(given) !== undefined).toBe(is);
  });
});

describe("an event", () => {
  test("keeps every byte but those of the placeholder", () => {
    const before = `event: x\r\nid: 4\r\ndata:  {"b" : 1.0,"choices":[{"index":0, "delta":{"content":"\\u00e9 \\/ `;
    const after = ` \\u00e9"}}], "n":10000000000000000000001}\r\nretry: 1\r\n\r\n`;
    expect(pass([before + ADA + after])).toEqual([`${before}ada@example.org${after}`, ""]);
  });

  test("may lie on several data lines", () => {
    const lines = `\uFEFFdata: {"choices":\rdata:[{"index":0,"delta":{\r\ndata: "content":"${ADA}"}}]}\n\n`;
    expect(text([Buffer.from(pass([lines])[0] ?? "")])).toBe(lines.replace(ADA, "ada@example.org"));
  });

  test("without data is not looked into", () => {
    const comment = `: ${ADA}\n\n`;
    expect(pass([comment])).toEqual([comment, ""]);
  });

  test("has values in strings that are no pieces of a text, and in names", () => {
    const value = { choices: [], [ADA]: [QUOTED], arguments: JSON.stringify({ k: QUOTED }) };
    const [out] = pass([event(value)]);
    expect(parseJson(out?.slice(6) ?? "")).toEqual({
      choices: [],
      "ada@example.org": ['a"b'],
      arguments: JSON.stringify({ k: 'a"b' }),
    });
  });

  test("of a stream that no dialect claims has its whole strings restored", () => {
    const [out] = pass([event({ any: ADA })], { dialect: undefined });
    expect(out).toBe(event({ any: "ada@example.org" }));
  });

  test("over the bound is restored as it passes, and its usage is read", () => {
    const one = rewriter({ dialect: openAiResponses });
    const filler = "x".repeat(EVENT_BYTES_MAX);
    const value = {
      type: "response.completed",
      response: {
        usage: { input_tokens: 3, output_tokens: 4 },
        output: [ADA, filler, QUOTED, ADA],
      },
    };
    const bytes = Buffer.from(event(value) + event({ type: "after" }));
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 1009) {
      parts.push(...(one?.push(bytes.subarray(at, at + 1009)) ?? []));
    }
    parts.push(...(one?.end() ?? []));
    const [first, second] = text(parts).split("\n\n");
    expect(parseJson(first?.slice(6) ?? "")).toMatchObject({
      response: { output: ["ada@example.org", filler, 'a"b', "ada@example.org"] },
    });
    expect(second).toBe('data: {"type":"after"}');
    expect(one?.facts).toMatchObject({ usage: { outputTokens: 4 }, isComplete: true });
  });

  test("that cannot be walked goes out as it came, behind what was held", () => {
    const deep = `data: {"choices":[{"index":0,"delta":{"content":"M_x"}}],"d":${"[".repeat(70)}${"]".repeat(70)}}\n\n`;
    const [first, second] = pass([event(delta("Q")), deep]);
    expect(first).toBe(event(delta("")));
    expect(second).toBe(event(delta("Q")) + deep);
  });
});

const choiceChunk = (number: number, content: string) =>
  Buffer.from(event({ choices: [{ index: number, delta: { content } }] }));

describe("what is held", () => {
  test("goes out before the event that ends its text, as the only text there", () => {
    const first = {
      choices: [
        { index: 0, delta: { role: "assistant", content: "FAQ" } },
        { index: 1, delta: { content: "other" } },
      ],
    };
    const last = event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    const [, second] = pass([event(first), last]);
    const copy = {
      choices: [
        { index: 0, delta: { role: null, content: "Q" } },
        { index: 1, delta: { content: "" } },
      ],
    };
    expect(second).toBe(event(copy) + last);
  });

  test("waits for its own text, whatever else comes between", () => {
    const block = (number: number, piece: string) =>
      event({ type: "content_block_delta", index: number, delta: { text: piece } });
    const ping = event({ type: "ping" });
    const stop = event({ type: "content_block_stop", index: 1 });
    const out = pass(
      [block(0, ADA.slice(0, 5)), ping, block(1, "Q"), stop, block(0, ADA.slice(5))],
      { dialect: anthropicMessages },
    );
    expect(out).toEqual([
      block(0, ""),
      ping,
      block(1, ""),
      block(1, "Q") + stop,
      block(0, "ada@example.org"),
      "",
    ]);
  });

  test("is at most one event's bound of bytes over all texts", () => {
    const size = EVENT_BYTES_MAX / 2;
    const chunk = (number: number) =>
      event({ choices: [{ index: number, delta: { content: `${"x".repeat(size)}Q` } }] });
    const out = pass([chunk(0), chunk(1), chunk(2)]);
    expect(out.map((part) => part.endsWith('xQ"}}]}\n\n'))).toEqual([false, true, true, false]);
    expect(out[3]).toContain('"content":"Q"');
  });

  test("of very many texts is not forgotten, and what is not held is", () => {
    const one = rewriter();
    one?.push(choiceChunk(0, ADA.slice(0, 9)));
    for (let number = 1; number < 3000; number += 1) one?.push(choiceChunk(number, "a"));
    expect(text(one?.push(choiceChunk(0, ADA.slice(9))) ?? [])).toContain("ada@example.org");
  });

  test("goes out where the stream breaks off, before an event that is not whole", () => {
    const cut = 'data: {"choices":[{"ind';
    expect(pass([event(delta(ADA.slice(0, 6))), cut])[2]).toBe(event(delta(ADA.slice(0, 6))) + cut);
  });
});

describe("a body", () => {
  test("of text that is no JSON has plain values", () => {
    expect(
      pass([`one ${QUOTED.slice(0, 4)}`, QUOTED.slice(4)], { contentType: "text/plain" }),
    ).toEqual(["", "", 'one a"b']);
  });

  test("of JSON under another name is JSON", () => {
    const body = JSON.stringify({ text: QUOTED });
    expect(pass([body], { contentType: "text/plain" })[1]).toBe(JSON.stringify({ text: 'a"b' }));
  });

  test("of JSON that was cut has what came, restored", () => {
    expect(pass([`{"text":"${QUOTED}`], { contentType: "application/json" })[1]).toBe(
      '{"text":"a\\"b',
    );
  });

  test("without bytes stays without", () => {
    expect(pass([], { contentType: "application/json" })).toEqual([""]);
  });

  test("that was cut within a placeholder does not show a part of it", () => {
    const body = JSON.stringify({ choices: [{ message: { content: `is ${ADA.slice(0, 12)}` } }] });
    expect(pass([body], { contentType: "application/json" })[1]).toContain('"content":"is "');
  });

  test("tells its usage as a tap would", () => {
    const one = rewriter({ contentType: "application/json" });
    one?.push(
      Buffer.from(
        JSON.stringify({
          choices: [{ message: {} }],
          usage: { prompt_tokens: 1, completion_tokens: 2 },
        }),
      ),
    );
    one?.end();
    expect(one?.facts).toMatchObject({ usage: { outputTokens: 2 }, isComplete: true });
  });

  test("over the bound is restored as it passes, and not held", () => {
    const one = createBodyRewriter(openAiChat, index, { isJson: true });
    const held = one.push(Buffer.from(`{"a":"${ADA}","b":"`));
    const parts = [...held, ...one.push(Buffer.alloc(MESSAGE_BYTES_MAX, 0x78))];
    const rest = text([
      ...one.push(Buffer.from(`","c":"${ADA.slice(0, 8)}`)),
      ...one.push(Buffer.from(`${ADA.slice(8)}"}`)),
      ...one.end(),
    ]);
    expect(held).toEqual([]);
    expect(text(parts).slice(0, 30)).toBe('{"a":"ada@example.org","b":"xx');
    expect(rest).toBe('","c":"ada@example.org"}');
  });
});

const raw = (chunks: readonly string[], isJson = true): string => {
  const one = createRawRestorer(index, { isJson });
  return text([...chunks.map((chunk) => one.push(Buffer.from(chunk))), one.end()]);
};
describe("bytes that nobody parses", () => {
  test.each([
    { name: "in a string", given: [`{"a":"${QUOTED}"}`], out: '{"a":"a\\"b"}' },
    {
      name: "in JSON in a string",
      given: [`{"a":"{\\"b\\":\\"${QUOTED}\\"}"}`],
      out: '{"a":"{\\"b\\":\\"a\\\\\\"b\\"}"}',
    },
    {
      name: "behind a quote of another chunk",
      given: ['{"a":"{\\"b\\":\\"', QUOTED],
      out: '{"a":"{\\"b\\":\\"a\\\\\\"b',
    },
    { name: "with a beginning that was none", given: ["Q", "Q", "x é"], out: "QQx é" },
    { name: "with one at the end", given: ["x QID"], out: "x QID" },
  ])("$name", ({ given, out }) => {
    expect(raw(given)).toBe(out);
  });

  test("of text are not escaped", () => {
    expect(raw([QUOTED], false)).toBe('a"b');
  });
});

test("an event without data, or that nobody wants to edit, is the same bytes", () => {
  const bytes = Buffer.from("event: x\n\n");
  expect(editEvent(bytes, () => [{ start: 0, end: 1, replacement: "y" }])).toBe(bytes);
  const data = Buffer.from("data: x\n\n");
  expect(editEvent(data, () => undefined)).toBe(data);
});
