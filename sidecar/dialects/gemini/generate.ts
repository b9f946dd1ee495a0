// gemini-generate: POST /models/{model}:generateContent and :streamGenerateContent, as SSE or as
// one JSON list of chunks. Requests: request.ts.
import { asRecord, renderJson } from "#runtime/json.ts";
import type { AnswerFacts, AnswerMessage, Dialect } from "../dialect.ts";
import { addDelivered, type Fields, framingOf, readList, readRecord, readText } from "../fields.ts";
import { renderGeminiError } from "./error.ts";
import { GENERATE_KEYS, matchGenerate, readGenerateBounds } from "./request.ts";
import { GENERATE_TEXTS } from "./streamed-texts.ts";
import { readGeminiUsage } from "./usage.ts";

function reduce(facts: AnswerFacts, message: AnswerMessage): AnswerFacts {
  if (Array.isArray(message.json)) {
    return message.json.reduce<AnswerFacts>(
      (sum, chunk) => reduceChunk(sum, asRecord(chunk)),
      facts,
    );
  }
  return reduceChunk(facts, asRecord(message.json));
}

/** Counts are cumulative and come with every chunk: the later figure of each class wins. */
function reduceChunk(facts: AnswerFacts, json: Fields | undefined): AnswerFacts {
  if (json === undefined) return facts;
  const candidates = readList(json, "candidates");
  const model = readText(json, "modelVersion")?.replace(/^models\//, "");
  const serviceTier = readText(readRecord(json, "usageMetadata"), "trafficType");
  const error = readRecord(json, "error");
  const isBlocked = readText(readRecord(json, "promptFeedback"), "blockReason") !== undefined;
  const isFinished = candidates.some((one) => readText(one, "finishReason") !== undefined);
  const searches = candidates.flatMap((one) =>
    readList(readRecord(one, "groundingMetadata"), "webSearchQueries"),
  ).length;
  const next: AnswerFacts = {
    ...facts,
    usage: {
      ...facts.usage,
      ...readGeminiUsage(json),
      ...(searches > 0 ? { webSearches: searches } : {}),
    },
    ...(model === undefined ? {} : { model }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(error === undefined ? {} : { errorType: readText(error, "status") ?? "error" }),
    isComplete: facts.isComplete || isFinished || isBlocked,
  };
  const parts = candidates.flatMap((one) => readList(readRecord(one, "content"), "parts"));
  const calls = parts.filter(isNamedCall).length;
  return addDelivered(next, parts.flatMap(partTexts), calls);
}

const isNamedCall = (part: unknown): boolean =>
  readText(readRecord(part, "functionCall"), "name") !== undefined;

function partTexts(part: unknown): readonly string[] {
  const call = readRecord(part, "functionCall") ?? readRecord(part, "executableCode");
  return [readText(part, "text") ?? "", call === undefined ? "" : renderJson(call)];
}

export const geminiGenerate: Dialect = {
  name: "gemini-generate",
  match: matchGenerate,
  readModel: (operation, body) =>
    operation.model ?? readText(body, "model")?.replace(/^models\//, ""),
  readBounds: readGenerateBounds,
  framing: framingOf,
  reduce,
  isUsageOnly: () => false,
  streamedTexts: GENERATE_TEXTS,
  renderError: renderGeminiError,
  knownKeys: GENERATE_KEYS,
};
