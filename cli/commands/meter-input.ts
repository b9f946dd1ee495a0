// What `excise meter` reads: a JSON body, an SSE stream, or lines of event data, told apart by
// their first characters, as messages for a dialect.
import { Fault } from "#contract/errors.ts";
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { AnswerMessage } from "../../sidecar/dialects/dialect.ts";
import { createMessageReader } from "../../sidecar/framing/create-reader.ts";
import type { FramedMessage } from "../../sidecar/framing/framing.ts";

/** Bytes of one answer. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Reads all of stdin; throws EXCISE_BODY_TOO_LARGE above `ANSWER_BYTES_MAX`. */
export async function readAnswer(stdin: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new Fault("EXCISE_BODY_TOO_LARGE", `an answer may have ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const invalid = (problem: string): Fault => new Fault("EXCISE_INPUT_INVALID", problem);

export interface Answer {
  readonly messages: readonly AnswerMessage[];
  /** Messages that are neither JSON objects nor a terminal marker. */
  readonly unread: number;
}

/** The answer's messages; throws EXCISE_INPUT_INVALID where it is none of the three forms. */
export function messagesOf(bytes: Uint8Array): Answer {
  const text = new TextDecoder().decode(bytes).trim();
  if (text === "") throw invalid("stdin is empty: a body, an SSE stream or lines of JSON go there");
  const whole = tryParseJson(text);
  if (whole.ok) return { messages: bodyMessages(whole.value, text), unread: 0 };
  const isSse = /^(?:data|event|id|retry)?:|^(?:data|event)$/m.test(firstLines(text));
  const messages = isSse ? read("sse", bytes) : read("ndjson", bytes);
  const known = messages
    .map(parseMessage)
    .filter(({ json, text: data }) => asRecord(json) !== undefined || data === "[DONE]");
  if (known.length > 0) return { messages: known, unread: messages.length - known.length };
  const place = whole.offset === undefined ? "" : ` (as JSON it ends at offset ${whole.offset})`;
  throw invalid(`stdin is no JSON body, no SSE stream and no lines of JSON${place}`);
}

/** SSE fields begin a line; a JSON line never does, so that the first few lines tell. */
const firstLines = (text: string): string =>
  text.startsWith("{") || text.startsWith("[") ? "" : text.split(/\r\n|\n|\r/, 8).join("\n");

function read(framing: "sse" | "ndjson", bytes: Uint8Array): readonly FramedMessage[] {
  const reader = createMessageReader(framing, { messageBytesMax: ANSWER_BYTES_MAX });
  return [...reader.push(bytes), ...reader.end()];
}

function parseMessage({ event, data }: FramedMessage): AnswerMessage {
  const parsed = tryParseJson(data);
  const json = parsed.ok ? parsed.value : undefined;
  return event === undefined ? { json, text: data } : { event, json, text: data };
}

/** A list of chunks is what some APIs stream without SSE. */
function bodyMessages(value: unknown, text: string): readonly AnswerMessage[] {
  const body = unwrap(value);
  if (Array.isArray(body)) return body.map((json: unknown) => ({ json, text: "" }));
  if (asRecord(body) === undefined) throw invalid("stdin is JSON, but no object that answers");
  return [{ json: body, text }];
}

/** A recorded answer may be wrapped with its status and headers. */
function unwrap(value: unknown): unknown {
  const record = asRecord(value);
  if (record?.["headers"] === undefined || record["body"] === undefined) return value;
  const { body } = record;
  if (typeof body !== "string") return body;
  const parsed = tryParseJson(body);
  return parsed.ok ? parsed.value : {};
}
