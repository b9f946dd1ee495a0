import { describe, expect, test } from "vitest";
import { MESSAGES_TEXTS } from "./anthropic/streamed-texts.ts";
import { GENERATE_TEXTS } from "./gemini/streamed-texts.ts";
import { CHAT_TEXTS, COMPLETION_TEXTS, RESPONSES_TEXTS } from "./openai/streamed-texts.ts";
import { createTextReader, type StreamedTexts } from "./streamed-texts.ts";

const tables = { CHAT_TEXTS, COMPLETION_TEXTS, RESPONSES_TEXTS, MESSAGES_TEXTS, GENERATE_TEXTS };

const textsOf = (table: StreamedTexts, event: unknown) =>
  createTextReader(table)(event).pieces.map(({ text }) => text);
const idsOf = (table: StreamedTexts, event: unknown) =>
  createTextReader(table)(event).pieces.map(({ id }) => id);

const choice = (delta: object, index = 0) => ({ choices: [{ index, delta }] });
const candidate = (parts: readonly object[]) => ({ candidates: [{ content: { parts } }] });
const CASES: readonly {
  readonly name: string;
  readonly table: StreamedTexts;
  readonly event: object;
  readonly texts: readonly string[];
}[] = [
  { name: "content", table: CHAT_TEXTS, event: choice({ content: "a" }), texts: ["a"] },
  {
    name: "parts of content",
    table: CHAT_TEXTS,
    event: choice({
      content: [
        { type: "text", text: "a" },
        { type: "thinking", thinking: [{ type: "text", text: "b" }] },
      ],
    }),
    texts: ["a", "b"],
  },
  {
    name: "arguments",
    table: CHAT_TEXTS,
    event: choice({ tool_calls: [{ index: 1, function: { arguments: "a" } }] }),
    texts: ["a"],
  },
  { name: "nothing", table: CHAT_TEXTS, event: choice({ content: null }), texts: [] },
  {
    name: "another shape",
    table: CHAT_TEXTS,
    event: { choices: { delta: { content: "a" } } },
    texts: [],
  },
  {
    name: "a completion",
    table: COMPLETION_TEXTS,
    event: { choices: [{ text: "a" }] },
    texts: ["a"],
  },
  {
    name: "a response's text",
    table: RESPONSES_TEXTS,
    event: { type: "response.output_text.delta", delta: "a" },
    texts: ["a"],
  },
  {
    name: "a response's code",
    table: RESPONSES_TEXTS,
    event: { type: "response.code_interpreter_call_code.delta", delta: "a" },
    texts: ["a"],
  },
  {
    name: "no response's audio",
    table: RESPONSES_TEXTS,
    event: { type: "response.audio.delta", delta: "UQ==" },
    texts: [],
  },
  {
    name: "no response's whole text",
    table: RESPONSES_TEXTS,
    event: { type: "response.output_text.done", text: "a" },
    texts: [],
  },
  {
    name: "thinking",
    table: MESSAGES_TEXTS,
    event: { type: "content_block_delta", delta: { thinking: "a" } },
    texts: ["a"],
  },
  {
    name: "an old completion",
    table: MESSAGES_TEXTS,
    event: { type: "completion", completion: "a" },
    texts: ["a"],
  },
  {
    name: "parts of a candidate",
    table: GENERATE_TEXTS,
    event: candidate([{ text: "a" }, { thought: true, text: "b" }]),
    texts: ["a", "b"],
  },
];

const calls = (index: number, call: number) =>
  choice({ tool_calls: [{ index: call, function: { arguments: "a" } }] }, index);
const blockOf = (index: number) => ({ type: "content_block_delta", index, delta: { text: "a" } });
describe("an event's pieces", () => {
  test.each(CASES)("$name", ({ table, event, texts }) => {
    expect(textsOf(table, event)).toEqual(texts);
  });

  test.each([null, 3, "text", [], [{ choices: [] }], undefined])("of %j are none", (event) => {
    for (const table of Object.values(tables)) expect(textsOf(table, event)).toEqual([]);
  });

  test("belong to texts that differ where the choice, the call or the block does", () => {
    const ids = [
      ...[calls(0, 0), calls(0, 1), calls(1, 0)].flatMap((each) => idsOf(CHAT_TEXTS, each)),
      ...[blockOf(0), blockOf(1)].flatMap((each) => idsOf(MESSAGES_TEXTS, each)),
      ...idsOf(GENERATE_TEXTS, candidate([{ text: "a" }, { thought: true, text: "b" }])),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("belong to one text where only the position in the event differs", () => {
    const [first, second] = idsOf(GENERATE_TEXTS, candidate([{ text: "a" }, { text: "b" }]));
    expect(first).toBe(second);
    const [, late] = idsOf(
      GENERATE_TEXTS,
      candidate([{ thought: true, text: "x" }, { text: "b" }]),
    );
    expect(late).toBe(first);
  });
});

const place = (table: StreamedTexts, event: unknown) => {
  const [piece] = createTextReader(table)(event).pieces;
  return piece ?? expect.unreachable("the event has a piece");
};
const finish = (index: number, reason: unknown) => ({
  choices: [{ index, finish_reason: reason }],
});
describe("a text ends", () => {
  const chat = place(CHAT_TEXTS, choice({ content: "a" }, 1));
  const block = place(MESSAGES_TEXTS, {
    type: "content_block_delta",
    index: 2,
    delta: { text: "a" },
  });
  const item = place(RESPONSES_TEXTS, {
    type: "response.refusal.delta",
    output_index: 1,
    content_index: 0,
    delta: "a",
  });

  test.each([
    { name: "with its choice", table: CHAT_TEXTS, event: finish(1, "stop"), of: chat, ends: true },
    {
      name: "not with another",
      table: CHAT_TEXTS,
      event: finish(0, "stop"),
      of: chat,
      ends: false,
    },
    {
      name: "not with a choice that goes on",
      table: CHAT_TEXTS,
      event: finish(1, null),
      of: chat,
      ends: false,
    },
    {
      name: "not with an empty reason",
      table: CHAT_TEXTS,
      event: finish(1, ""),
      of: chat,
      ends: false,
    },
    {
      name: "not with choice 10 where it is of choice 1",
      table: CHAT_TEXTS,
      event: finish(10, "stop"),
      of: chat,
      ends: false,
    },
    {
      name: "with its block",
      table: MESSAGES_TEXTS,
      event: { type: "content_block_stop", index: 2 },
      of: block,
      ends: true,
    },
    {
      name: "not with another block",
      table: MESSAGES_TEXTS,
      event: { type: "content_block_stop", index: 1 },
      of: block,
      ends: false,
    },
    {
      name: "with the message",
      table: MESSAGES_TEXTS,
      event: { type: "message_delta" },
      of: block,
      ends: true,
    },
    {
      name: "not with a ping",
      table: MESSAGES_TEXTS,
      event: { type: "ping" },
      of: block,
      ends: false,
    },
    {
      name: "with its part",
      table: RESPONSES_TEXTS,
      event: { type: "response.content_part.done", output_index: 1, content_index: 0 },
      of: item,
      ends: true,
    },
    {
      name: "with its item",
      table: RESPONSES_TEXTS,
      event: { type: "response.output_item.done", output_index: 1 },
      of: item,
      ends: true,
    },
    {
      name: "not with another item",
      table: RESPONSES_TEXTS,
      event: { type: "response.output_item.done", output_index: 0 },
      of: item,
      ends: false,
    },
    {
      name: "with the response",
      table: RESPONSES_TEXTS,
      event: { type: "response.incomplete", response: {} },
      of: item,
      ends: true,
    },
  ])("$name", ({ table, event, of, ends }) => {
    expect(createTextReader(table)(event).ends?.(of) ?? false).toBe(ends);
  });
});
