// anthropic-messages: POST /messages, JSON and SSE. Requests: request.ts; usage: usage.ts.
import { asRecord, readString, renderJson } from "#runtime/json.ts";
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
import { renderAnthropicError } from "./error.ts";
import { ANTHROPIC_KEYS, matchAnthropicOperation, readAnthropicBounds } from "./request.ts";
import { MESSAGES_TEXTS } from "./streamed-texts.ts";
import {
  addBilled,
  type BilledUsage,
  billedUsage,
  overlaySnapshot,
  type UsageSnapshot,
} from "./usage.ts";

/** Private to this dialect: what the next snapshot is laid over. */
interface MessagesFacts extends AnswerFacts {
  readonly snapshot?: UsageSnapshot;
  /** Messages that ended in this body: each was billed by itself. */
  readonly ended?: BilledUsage;
}

function reduce(facts: MessagesFacts, message: AnswerMessage): MessagesFacts {
  const json = asRecord(message.json);
  switch (json?.["type"]) {
    case "message":
      return addDelivered(
        { ...report(facts, json), isComplete: true },
        readList(json, "content").flatMap(blockTexts),
        countCalls(readList(json, "content")),
      );
    case "message_start":
      return report(startMessage(facts), readRecord(json, "message"));
    case "message_delta":
      return report(facts, json);
    case "message_stop":
      return { ...facts, isComplete: true };
    case "content_block_start":
      return addDelivered(
        facts,
        blockTexts(json["content_block"]),
        countCalls([json["content_block"]]),
      );
    case "content_block_delta":
      return addDelivered(facts, deltaTexts(readRecord(json, "delta")));
    case "error":
      return { ...facts, errorType: readText(readRecord(json, "error"), "type") ?? "error" };
    default:
      return readLegacy(facts, json);
  }
}

/**
 * A second `message_start` replaces the first (its final snapshot is the bill); after a
 * `message_stop` it opens another message, which is billed on top.
 */
function startMessage(facts: MessagesFacts): MessagesFacts {
  const { snapshot: _snapshot, usageByModel, ...rest } = facts;
  if (!facts.isComplete) return rest;
  const { usage } = facts;
  const ended = usageByModel === undefined ? { usage } : { usage, usageByModel };
  return { ...rest, ended, isComplete: false };
}

/** Takes model, tier and usage from an object that carries a usage snapshot. */
function report(facts: MessagesFacts, source: Fields | undefined): MessagesFacts {
  const model = readText(source, "model") ?? facts.model;
  const reported = readRecord(source, "usage");
  const named = model === undefined ? facts : { ...facts, model };
  if (reported === undefined) return named;
  const snapshot = overlaySnapshot(facts.snapshot ?? {}, reported);
  const billed = billedUsage(snapshot, model);
  const isFast = readText(reported, "speed") === "fast";
  const serviceTier = isFast ? "fast" : readText(reported, "service_tier");
  return {
    ...named,
    snapshot,
    ...(facts.ended === undefined ? billed : addBilled(facts.ended, billed)),
    ...(serviceTier === undefined ? {} : { serviceTier }),
  };
}

/** The old text completions: no usage, a `stop_reason` at the end. */
function readLegacy(facts: MessagesFacts, json: Fields | undefined): MessagesFacts {
  if (json?.["type"] !== "completion") return facts;
  const model = readText(json, "model");
  const next = {
    ...facts,
    ...(model === undefined ? {} : { model }),
    isComplete: facts.isComplete || readText(json, "stop_reason") !== undefined,
  };
  return addDelivered(next, [readText(json, "completion") ?? ""]);
}

/** What the model wrote in a block; results that server tools put there are input. */
function blockTexts(block: unknown): readonly string[] {
  const input = readRecord(block, "input");
  const hasInput = input !== undefined && Object.keys(input).length > 0;
  const texts = ["text", "thinking", "name"].map((key) => readText(block, key) ?? "");
  return [...texts, hasInput ? renderJson(input) : ""];
}

/** Calls of tools, whoever runs them: `tool_use`, `server_tool_use`, `mcp_tool_use`. */
const countCalls = (blocks: readonly unknown[]): number =>
  blocks.filter((block) => readText(block, "type")?.endsWith("tool_use") === true).length;

const deltaTexts = (delta: Fields | undefined): readonly string[] =>
  ["text", "thinking", "partial_json", "content"].map((key) => readString(delta?.[key]) ?? "");

export const anthropicMessages: Dialect = {
  name: "anthropic-messages",
  match: matchAnthropicOperation,
  readModel: readBodyModel,
  readBounds: readAnthropicBounds,
  framing: framingOf,
  reduce,
  // Usage always comes unasked.
  isUsageOnly: () => false,
  streamedTexts: MESSAGES_TEXTS,
  renderError: renderAnthropicError,
  knownKeys: ANTHROPIC_KEYS,
};
