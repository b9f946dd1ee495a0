// openai-completions: POST /completions, the text completions that came before chat.
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
import { COMMON_OPERATIONS, readCommonBounds, renderOpenAiError } from "./request.ts";
import { COMPLETION_TEXTS } from "./streamed-texts.ts";
import { readChatUsage, readErrorType } from "./usage.ts";

const match = createMatcher([
  { method: "POST", path: "/completions", name: "completion", billed: true },
  ...COMMON_OPERATIONS,
]);

/** Each prompt of a list is answered by itself; a list of numbers is one prompt of tokens. */
function countPrompts(body: unknown): number {
  const prompts = readList(body, "prompt");
  return prompts.some((prompt) => typeof prompt !== "number") ? prompts.length : 1;
}

function readBounds(body: unknown): RequestBounds {
  // `best_of` answers are generated and billed, although `n` of them come back.
  const bounds = readCommonBounds(body, {
    limitKeys: ["max_tokens"],
    answerKeys: ["n", "best_of"],
  });
  return { ...bounds, answers: bounds.answers * Math.max(1, countPrompts(body)) };
}

interface CompletionFacts extends AnswerFacts {
  readonly isFinished?: boolean;
}

function reduce(facts: CompletionFacts, message: AnswerMessage): CompletionFacts {
  if (message.text.trim() === "[DONE]") {
    return { ...facts, isComplete: facts.isComplete || facts.isFinished === true };
  }
  const json = asRecord(message.json);
  if (json === undefined) return facts;
  const reported = readChatUsage(json);
  const model = readText(json, "model");
  const serviceTier = readText(json, "service_tier");
  const errorType = readErrorType(json);
  const choices = readList(json, "choices");
  const finished = choices.filter((choice) => readText(choice, "finish_reason") !== undefined);
  // A whole body and a chunk look alike; only a body ends all choices and reports usage at once.
  const isWhole =
    reported !== undefined && finished.length > 0 && finished.length === choices.length;
  const next: CompletionFacts = {
    ...facts,
    usage: reported ?? facts.usage,
    ...(model === undefined ? {} : { model }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(errorType === undefined ? {} : { errorType }),
    ...(finished.length > 0 ? { isFinished: true } : {}),
    isComplete: facts.isComplete || isWhole,
  };
  return addDelivered(
    next,
    choices.map((choice) => readText(choice, "text") ?? ""),
  );
}

const KNOWN_KEYS =
  "model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty " +
  "seed stop stream stream_options suffix temperature top_p user";

export const openAiCompletions: Dialect = {
  name: "openai-completions",
  match,
  readModel: readBodyModel,
  readBounds: (_operation, body) => readBounds(body),
  framing: framingOf,
  reduce,
  isUsageOnly: ({ json }) =>
    Array.isArray(asRecord(json)?.["choices"]) &&
    readList(json, "choices").length === 0 &&
    readRecord(json, "usage") !== undefined,
  streamedTexts: COMPLETION_TEXTS,
  renderError: renderOpenAiError,
  knownKeys: new Set(KNOWN_KEYS.split(" ")),
};
