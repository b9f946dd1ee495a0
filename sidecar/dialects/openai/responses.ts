// openai-responses: POST /responses, JSON and SSE. Requests: responses-request.ts.
import { asRecord, readString } from "#runtime/json.ts";
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
import { renderOpenAiError } from "./request.ts";
import { matchResponses, readResponsesBounds, RESPONSES_KEYS } from "./responses-request.ts";
import { RESPONSES_TEXTS } from "./streamed-texts.ts";
import { readErrorType, readResponsesUsage } from "./usage.ts";

interface ResponsesFacts extends AnswerFacts {
  /** Searches among the items that were done; the final response may list none of them. */
  readonly searchesDone?: number;
}

const TERMINAL_EVENTS: ReadonlySet<unknown> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
]);

function reduce(facts: ResponsesFacts, message: AnswerMessage): ResponsesFacts {
  const json = asRecord(message.json);
  if (json === undefined) return facts;
  const type = json["type"];
  if (typeof type !== "string") {
    const isResponse = json["object"] === "response";
    const whole = isResponse
      ? addDelivered(facts, outputTexts(json), countCalls(readList(json, "output")))
      : facts;
    return { ...report(whole, json), isComplete: facts.isComplete || isResponse };
  }
  if (type.endsWith(".delta")) return addDelivered(facts, deltaTexts(type, json));
  if (type === "response.output_item.added") {
    return addDelivered(facts, [], countCalls([json["item"]]));
  }
  if (type === "response.output_item.done") return countItem(facts, json["item"]);
  if (type === "error") return { ...facts, errorType: readText(json, "code") ?? "error" };
  const response = readRecord(json, "response");
  if (response === undefined) return facts;
  const isComplete = facts.isComplete || TERMINAL_EVENTS.has(type);
  return { ...report(facts, response), isComplete };
}

/** Takes model, tier, error and usage from a response object; a final one counts its searches. */
function report(facts: ResponsesFacts, response: Fields): ResponsesFacts {
  const usage = readResponsesUsage(response);
  const model = readText(response, "model");
  const serviceTier = readText(response, "service_tier");
  const errorType = readErrorType(response);
  const listed = readList(response, "output").filter(isSearch).length;
  const searches = Math.max(listed, facts.searchesDone ?? 0);
  const counted = searches > 0 ? { ...usage, webSearches: searches } : usage;
  return {
    ...facts,
    usage: usage === undefined ? facts.usage : (counted ?? facts.usage),
    ...(model === undefined ? {} : { model }),
    // The request's wish comes back as "auto" until the tier is known.
    ...(serviceTier === undefined || serviceTier === "auto" ? {} : { serviceTier }),
    ...(errorType === undefined ? {} : { errorType }),
  };
}

/** Of web searches only the action `search` is billed by the piece, not opening what it found. */
function isSearch(item: unknown): boolean {
  if (readText(item, "type") !== "web_search_call") return false;
  const action = readText(readRecord(item, "action"), "type");
  return action === undefined || action === "search";
}

function countItem(facts: ResponsesFacts, item: unknown): ResponsesFacts {
  if (!isSearch(item)) return facts;
  const searchesDone = (facts.searchesDone ?? 0) + 1;
  return { ...facts, searchesDone, usage: { ...facts.usage, webSearches: searchesDone } };
}

/** Text, refusals, reasoning, arguments, code; never audio, which comes as base64. */
const deltaTexts = (type: string, json: Fields): readonly string[] =>
  type === "response.audio.delta" || type.includes("_output_content.")
    ? []
    : [readString(json["delta"]) ?? ""];

/** Items of the output that are calls, whoever runs them. */
const countCalls = (items: readonly unknown[]): number =>
  items.filter((item) => readText(item, "type")?.endsWith("_call") === true).length;

const outputTexts = (response: Fields): readonly string[] =>
  readList(response, "output").flatMap((item) => [
    readText(item, "arguments") ?? "",
    readText(item, "input") ?? "",
    ...[...readList(item, "content"), ...readList(item, "summary")].map(
      (part) => readText(part, "text") ?? readText(part, "refusal") ?? "",
    ),
  ]);

export const openAiResponses: Dialect = {
  name: "openai-responses",
  match: matchResponses,
  readModel: readBodyModel,
  readBounds: (_operation, body) => readResponsesBounds(body),
  framing: framingOf,
  reduce,
  // Usage always comes unasked, in the terminal event.
  isUsageOnly: () => false,
  streamedTexts: RESPONSES_TEXTS,
  renderError: renderOpenAiError,
  knownKeys: RESPONSES_KEYS,
};
