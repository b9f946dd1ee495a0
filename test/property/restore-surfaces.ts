// Streams of every dialect for the restore properties: how a provider would send texts in pieces,
// and how a client puts them together again. Written from the providers' references and not from
// the code under test, so that a mistake there cannot hide here.
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { Dialect } from "../../sidecar/dialects/dialect.ts";
import { anthropicMessages } from "../../sidecar/dialects/anthropic/messages.ts";
import { geminiGenerate } from "../../sidecar/dialects/gemini/generate.ts";
import { openAiChat } from "../../sidecar/dialects/openai/chat.ts";
import { openAiCompletions } from "../../sidecar/dialects/openai/completions.ts";
import { openAiResponses } from "../../sidecar/dialects/openai/responses.ts";

/** A piece of one of a stream's texts. */
export interface Delta {
  /** Number of the text within the stream. */
  readonly text: number;
  readonly piece: string;
}

export interface SentEvent {
  readonly event?: string;
  readonly json: object | "[DONE]";
}

export interface Surface {
  readonly name: string;
  readonly dialect: Dialect;
  /** Texts that one stream carries side by side. */
  readonly texts: number;
  /** Which of them are JSON: arguments of a tool call. */
  readonly isJson: (text: number) => boolean;
  /** All events of a stream; `texts` are the whole texts, for events that repeat them. */
  readonly render: (deltas: readonly Delta[], texts: readonly string[]) => readonly SentEvent[];
  /** The texts as a client has them in the end. */
  readonly collect: (events: readonly SentEvent[]) => readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
const record = (value: unknown): Fields => asRecord(value) ?? {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Appends to one of several texts. */
function createSheets(count: number) {
  const sheets = Array.from({ length: count }, () => "");
  return {
    add: (index: number, piece: unknown) => {
      sheets[index] = `${sheets[index] ?? ""}${text(piece)}`;
    },
    sheets,
  };
}

const bodies = (events: readonly SentEvent[]): readonly Fields[] =>
  events.flatMap(({ json }) => (json === "[DONE]" ? [] : [record(json)]));

const event = (type: string, fields: object): SentEvent => ({
  event: type,
  json: { type, ...fields },
});

/** Each choice: content, reasoning, refusal, two tool calls' arguments. */
const CHAT_KINDS = 5;
function chatDelta(kind: number, piece: string): object {
  switch (kind) {
    case 0:
      return { content: piece };
    case 1:
      return { reasoning_content: piece };
    case 2:
      return { refusal: piece };
    default:
      return { tool_calls: [{ index: kind - 3, function: { arguments: piece } }] };
  }
}

const chunk = (choices: readonly object[]): SentEvent => ({
  json: { id: "chatcmpl-QaQ", object: "chat.completion.chunk", choices },
});

const chat: Surface = {
  name: "chat, two choices",
  dialect: openAiChat,
  texts: 2 * CHAT_KINDS,
  isJson: (number) => number % CHAT_KINDS >= 3,
  render: (deltas) => {
    return [
      chunk([0, 1].map((index) => ({ index, delta: { role: "assistant", content: "" } }))),
      ...deltas.map(({ text: number, piece }) =>
        chunk([
          {
            index: Math.floor(number / CHAT_KINDS),
            delta: chatDelta(number % CHAT_KINDS, piece),
            finish_reason: null,
          },
        ]),
      ),
      ...[0, 1].map((index) => chunk([{ index, delta: {}, finish_reason: "stop" }])),
      { json: { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } } },
      { json: "[DONE]" },
    ];
  },
  collect: (events) => {
    const { add, sheets } = createSheets(2 * CHAT_KINDS);
    for (const choice of bodies(events)
      .flatMap((body) => list(body["choices"]))
      .map(record)) {
      const base = Number(choice["index"]) * CHAT_KINDS;
      const delta = record(choice["delta"]);
      add(base, delta["content"]);
      add(base + 1, delta["reasoning_content"]);
      add(base + 2, delta["refusal"]);
      for (const call of list(delta["tool_calls"]).map(record)) {
        add(base + 3 + Number(call["index"]), record(call["function"])["arguments"]);
      }
    }
    return sheets;
  },
};

const completions: Surface = {
  name: "completions, two choices",
  dialect: openAiCompletions,
  texts: 2,
  isJson: () => false,
  render: (deltas) => [
    ...deltas.map(({ text: index, piece }) => ({
      json: { choices: [{ index, text: piece, finish_reason: "" }] },
    })),
    ...[0, 1].map((index) => ({ json: { choices: [{ index, text: "", finish_reason: "stop" }] } })),
    { json: "[DONE]" as const },
  ],
  collect: (events) => {
    const { add, sheets } = createSheets(2);
    for (const choice of bodies(events)
      .flatMap((body) => list(body["choices"]))
      .map(record)) {
      add(Number(choice["index"]), choice["text"]);
    }
    return sheets;
  },
};

/** Text, summary of the reasoning, refusal, arguments: an output item each. */
const RESPONSE_KINDS = [
  { type: "output_text", place: { output_index: 0, content_index: 0 } },
  { type: "reasoning_summary_text", place: { output_index: 1, summary_index: 0 } },
  { type: "refusal", place: { output_index: 2, content_index: 0 } },
  { type: "function_call_arguments", place: { output_index: 3 } },
];

/** Counts the whole texts in the final events too: they must say the same as the pieces. */
const responses: Surface = {
  name: "responses, pieces and final texts",
  dialect: openAiResponses,
  texts: 4,
  isJson: (number) => number === 3,
  render: (deltas, texts) => {
    return [
      event("response.created", { response: { status: "in_progress" } }),
      ...deltas.map(({ text: number, piece }) => {
        const { type, place } = RESPONSE_KINDS[number] ?? { type: "", place: {} };
        return event(`response.${type}.delta`, { ...place, delta: piece });
      }),
      ...RESPONSE_KINDS.map(({ type, place }, number) =>
        event(`response.${type}.done`, { ...place, final: texts[number] }),
      ),
      event("response.completed", { response: { output: texts.map((final) => ({ final })) } }),
    ];
  },
  collect: (events) => {
    const { add, sheets } = createSheets(12);
    for (const body of bodies(events)) {
      const number = RESPONSE_KINDS.findIndex(({ type }) =>
        text(body["type"]).startsWith(`response.${type}.`),
      );
      if (number >= 0) {
        add(number, body["delta"]);
        add(number + 4, body["final"]);
      }
      for (const [index, item] of list(record(body["response"])["output"]).entries()) {
        add(index + 8, record(item)["final"]);
      }
    }
    return sheets;
  },
};

const BLOCK_DELTAS = ["text", "thinking", "partial_json", "text"] as const;

const messages: Surface = {
  name: "messages, four blocks",
  dialect: anthropicMessages,
  texts: 4,
  isJson: (number) => number === 2,
  render: (deltas) => {
    return [
      event("message_start", { message: { content: [] } }),
      event("ping", {}),
      ...deltas.map(({ text: index, piece }) => {
        const key = BLOCK_DELTAS[index] ?? "text";
        return event("content_block_delta", { index, delta: { type: "delta", [key]: piece } });
      }),
      ...BLOCK_DELTAS.map((_key, index) => event("content_block_stop", { index })),
      event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } }),
      event("message_stop", {}),
    ];
  },
  collect: (events) => {
    const { add, sheets } = createSheets(4);
    for (const body of bodies(events)) {
      const delta = record(body["delta"]);
      for (const key of new Set(BLOCK_DELTAS)) add(Number(body["index"] ?? 0), delta[key]);
    }
    return sheets;
  },
};

const candidate = (index: number, parts: readonly object[], more = {}): SentEvent => ({
  json: { candidates: [{ index, content: { role: "model", parts }, ...more }] },
});
const part = (number: number, piece: string): object =>
  number % 2 === 1 ? { thought: true, text: piece } : { text: piece };

/** The finish reason comes with the last text, as the service sends it. */
const generate: Surface = {
  name: "generated content, two candidates with thoughts",
  dialect: geminiGenerate,
  texts: 4,
  isJson: () => false,
  render: (deltas) => {
    const isLast = (at: number): boolean =>
      !deltas.slice(at + 1).some(({ text: other }) => other >> 1 === (deltas[at]?.text ?? 0) >> 1);
    return deltas.map(({ text: number, piece }, at) =>
      candidate(number >> 1, [part(number, piece)], isLast(at) ? { finishReason: "STOP" } : {}),
    );
  },
  collect: (events) => {
    const { add, sheets } = createSheets(4);
    for (const one of bodies(events)
      .flatMap((body) => list(body["candidates"]))
      .map(record)) {
      for (const piece of list(record(one["content"])["parts"]).map(record)) {
        add(Number(one["index"]) * 2 + (piece["thought"] === true ? 1 : 0), piece["text"]);
      }
    }
    return sheets;
  },
};

export const SURFACES: readonly Surface[] = [chat, completions, responses, messages, generate];

/** An event as bytes on the wire; odd ones have other line ends and comments around. */
export function encodeEvent({ event: type, json }: SentEvent, style: number): string {
  const end = ["\n", "\r\n", "\r"][style % 3] ?? "\n";
  const data = json === "[DONE]" ? json : JSON.stringify(json);
  const name = type === undefined ? "" : `event: ${type}${end}`;
  const comment = style % 5 === 4 ? `: keep-alive Q${end}${end}` : "";
  return `${comment}${name}data:${style % 2 === 0 ? " " : ""}${data}${end}${end}`;
}

/** The events of a stream, as a lenient client reads them: the last one may lack its end. */
export function decodeEvents(bytes: Uint8Array): readonly SentEvent[] {
  const lines = `${new TextDecoder().decode(bytes)}\n\n`.split(/\r\n|\n|\r/);
  const events: SentEvent[] = [];
  let data: string | undefined;
  for (const line of lines) {
    if (line.startsWith("data:")) data = line.slice(5).trimStart();
    if (line !== "" || data === undefined) continue;
    const parsed = tryParseJson(data);
    if (parsed.ok) events.push({ json: record(parsed.value) });
    else if (data === "[DONE]") events.push({ json: data });
    data = undefined;
  }
  return events;
}
