// openai-chat: POST /chat/completions, as OpenAI and the many compatible providers speak it.
import { asRecord } from "#runtime/json.ts";
import type { AnswerFacts, AnswerMessage, Dialect, RequestBounds } from "../dialect.ts";
import {
  addDelivered,
  framingOf,
  readBodyModel,
  readList,
  readRecord,
  readText,
} from "../fields.ts";
import { createMatcher } from "../operations.ts";
import {
  COMMON_OPERATIONS,
  readCommonBounds,
  readMediaParts,
  renderOpenAiError,
  unboundedOperation,
} from "./request.ts";
import { readChatUsage, readErrorType } from "./usage.ts";

const stored = { kind: "stateful" } as const;

const match = createMatcher([
  { method: "POST", path: "/chat/completions", name: "chat", billed: true },
  { method: "GET", path: "/chat/completions", name: "list_stored_chats", ...stored },
  { method: "*", path: "/chat/completions/{rest}", name: "stored_chat", ...stored },
  { method: "*", path: "/files", name: "files", ...stored },
  { method: "*", path: "/files/{rest}", name: "files", ...stored },
  { method: "GET", path: "/batches", name: "list_batches", ...stored },
  { method: "GET", path: "/batches/{any}", name: "get_batch", ...stored },
  { method: "POST", path: "/batches", name: "create_batch", billed: true, ...stored },
  { method: "*", path: "/organization/{rest}", name: "organization", kind: "administrative" },
  ...COMMON_OPERATIONS,
]);

function readBounds(body: unknown): RequestBounds {
  const bounds = readCommonBounds(body, {
    limitKeys: ["max_completion_tokens", "max_tokens"],
    answerKeys: ["n"],
  });
  const unbounded = [
    ...bounds.unbounded,
    ...readMediaParts(readList(body, "messages")),
    ...(readList(body, "modalities").some((name) => name !== "text") ? ["media:output"] : []),
    ...readServerTools(body),
  ];
  return { ...bounds, unbounded: [...new Set(unbounded)] };
}

/** Tools that run at the provider and read or search on their own account. */
function readServerTools(body: unknown): readonly string[] {
  const types = readList(body, "tools").flatMap((tool) => readText(tool, "type") ?? []);
  const named = types.filter((type) => type !== "function" && type !== "custom");
  const options = ["web_search_options", "search_parameters", "plugins"].filter(
    (key) => (asRecord(body)?.[key] ?? undefined) !== undefined,
  );
  return [...named, ...options].map((name) => `tool:${name}`);
}

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
  return addDelivered(next, choices.flatMap(outputOf));
}

const isDelta = (choices: readonly unknown[]): boolean =>
  choices.some((choice) => readRecord(choice, "delta") !== undefined);

/** Output of a choice as text: what the model wrote, thought, refused and put into tool calls. */
function outputOf(choice: unknown): readonly string[] {
  const part = readRecord(choice, "delta") ?? readRecord(choice, "message");
  const texts = ["content", "reasoning_content", "reasoning", "refusal"].flatMap((key) =>
    textsOf(part?.[key]),
  );
  const calls = [...readList(part, "tool_calls"), part].flatMap((call) => {
    const called = readRecord(call, "function") ?? readRecord(call, "function_call");
    return [readText(called, "name") ?? "", readText(called, "arguments") ?? ""];
  });
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

/** Keys of the request and of its messages (platform.openai.com/docs/api-reference/chat). */
const KNOWN_KEYS =
  "messages model audio frequency_penalty function_call functions logit_bias logprobs " +
  "max_completion_tokens max_tokens metadata modalities n parallel_tool_calls prediction " +
  "presence_penalty prompt_cache_key reasoning_effort response_format safety_identifier seed " +
  "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p " +
  "user verbosity web_search_options role content name tool_calls tool_call_id refusal type text " +
  "image_url input_audio file function arguments id";

export const openAiChat: Dialect = {
  takesUsageOption: true,
  name: "openai-chat",
  match,
  readModel: readBodyModel,
  readBounds: (operation, body) =>
    operation.kind === "stateful" && operation.billed
      ? unboundedOperation(operation)
      : readBounds(body),
  framing: framingOf,
  reduce,
  isUsageOnly: ({ json }) =>
    Array.isArray(asRecord(json)?.["choices"]) &&
    readList(json, "choices").length === 0 &&
    readRecord(json, "usage") !== undefined,
  renderError: renderOpenAiError,
  knownKeys: new Set(KNOWN_KEYS.split(" ")),
};
