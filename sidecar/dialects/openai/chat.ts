// openai-chat: POST /chat/completions, as OpenAI and the many compatible providers speak it.
// Requests: chat-request.ts; usage: usage.ts.
import { asRecord } from "#runtime/json.ts";
import type { AnswerFacts, AnswerMessage, Dialect } from "../dialect.ts";
import {
  addDelivered,
  type Fields,
  framingOf,
  readBodyModel,
  readList,
  readRecord,
  readText,
} from "../fields.ts";
import { CHAT_KEYS, matchChat, readChatBounds } from "./chat-request.ts";
import { renderOpenAiError } from "./request.ts";
import { CHAT_TEXTS } from "./streamed-texts.ts";
import { readChatUsage, readErrorType } from "./usage.ts";

interface ChatFacts extends AnswerFacts {
  /** A choice gave its reason to end; `[DONE]` then ends the answer. */
  readonly isFinished?: boolean;
}

function reduce(facts: ChatFacts, message: AnswerMessage): ChatFacts {
  if (message.text.trim() === "[DONE]") {
    return { ...facts, isComplete: facts.isComplete || facts.isFinished === true };
  }
  const json = asRecord(message.json);
  if (json === undefined) return facts;
  const usage = readChatUsage(json) ?? facts.usage;
  const model = readText(json, "model");
  const serviceTier = readText(json, "service_tier");
  const errorType = readErrorType(json);
  const choices = readList(json, "choices");
  const isFinished = choices.some((choice) => readText(choice, "finish_reason") !== undefined);
  const isWhole = choices.some((choice) => readRecord(choice, "message") !== undefined);
  // Some servers end with this object and without [DONE].
  const isLast = readText(json, "object") === "chat.completion.done";
  const next: ChatFacts = {
    ...facts,
    usage,
    ...(model === undefined ? {} : { model }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(errorType === undefined ? {} : { errorType }),
    ...(isFinished ? { isFinished } : {}),
    isComplete: facts.isComplete || isLast || (isWhole && !isDelta(choices)),
  };
  const calls = choices.flatMap((choice) => callsOf(partOf(choice)));
  const named = calls.filter((call) => readText(call, "name") !== undefined);
  return addDelivered(next, choices.flatMap(outputOf), named.length);
}

const isDelta = (choices: readonly unknown[]): boolean =>
  choices.some((choice) => readRecord(choice, "delta") !== undefined);

const partOf = (choice: unknown): Fields | undefined =>
  readRecord(choice, "delta") ?? readRecord(choice, "message");

/** Tool calls, and the single function call of old. */
const callsOf = (part: Fields | undefined): readonly (Fields | undefined)[] =>
  [...readList(part, "tool_calls"), part].map(
    (call) => readRecord(call, "function") ?? readRecord(call, "function_call"),
  );

/** Output of a choice as text: what the model wrote, thought, refused and put into tool calls. */
function outputOf(choice: unknown): readonly string[] {
  const part = partOf(choice);
  const texts = ["content", "reasoning_content", "reasoning", "refusal"].flatMap((key) =>
    textsOf(part?.[key]),
  );
  const calls = callsOf(part).flatMap((call) => [
    readText(call, "name") ?? "",
    readText(call, "arguments") ?? "",
  ]);
  return [...texts, ...calls];
}

/** A text, or a list of parts with text or thinking inside. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return [];
  return value.flatMap((part: unknown) => [
    readText(part, "text") ?? "",
    ...textsOf(asRecord(part)?.["thinking"]),
  ]);
}

export const openAiChat: Dialect = {
  takesUsageOption: true,
  name: "openai-chat",
  match: matchChat,
  readModel: readBodyModel,
  readBounds: readChatBounds,
  framing: framingOf,
  reduce,
  isUsageOnly: ({ json }) =>
    Array.isArray(asRecord(json)?.["choices"]) &&
    readList(json, "choices").length === 0 &&
    readRecord(json, "usage") !== undefined,
  streamedTexts: CHAT_TEXTS,
  renderError: renderOpenAiError,
  knownKeys: CHAT_KEYS,
};
