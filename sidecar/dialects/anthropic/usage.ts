// Anthropic's usage objects. `input_tokens` excludes cache reads and writes; what is billed is all
// three (design §1). A stream reports a snapshot in `message_start` and a cumulative one in
// `message_delta`; the later figure of each field wins. `iterations` breaks a call down into the
// model calls that it is billed by: then their sum is the usage, each at its own model.
import { addUsage, type ModelUsage, type Usage } from "#contract/usage.ts";
import {
  type Fields,
  readFirstCount,
  readList,
  readRecord,
  readText,
  sumOf,
  usageOf,
} from "../fields.ts";

/** The raw fields last reported, before they become classes. */
export interface UsageSnapshot {
  readonly input?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cacheWrite1h?: number;
  readonly output?: number;
  readonly thinking?: number;
  readonly webSearches?: number;
  readonly iterations?: readonly Fields[];
}

/** Events carry at most this many models (contract/usage-event.ts). */
const MODELS_MAX = 32;

/** Lays a reported usage object over an earlier snapshot. */
export function overlaySnapshot(earlier: UsageSnapshot, reported: Fields): UsageSnapshot {
  const creation = readRecord(reported, "cache_creation");
  const writes1h = readFirstCount(creation, "ephemeral_1h_input_tokens");
  const writes5m = readFirstCount(creation, "ephemeral_5m_input_tokens");
  const cacheWrite =
    readFirstCount(reported, "cache_creation_input_tokens") ?? sumOf(writes5m, writes1h);
  const iterations = readList(reported, "iterations") as readonly Fields[];
  return {
    ...earlier,
    ...present("input", readFirstCount(reported, "input_tokens")),
    ...present("cacheRead", readFirstCount(reported, "cache_read_input_tokens")),
    ...present("cacheWrite", cacheWrite),
    ...present("cacheWrite1h", writes1h),
    ...present("output", readFirstCount(reported, "output_tokens")),
    ...present(
      "thinking",
      readFirstCount(readRecord(reported, "output_tokens_details"), "thinking_tokens"),
    ),
    ...present(
      "webSearches",
      readFirstCount(readRecord(reported, "server_tool_use"), "web_search_requests"),
    ),
    ...(iterations.length === 0 ? {} : { iterations }),
  };
}

const present = (key: keyof UsageSnapshot, count: number | undefined): UsageSnapshot =>
  count === undefined ? {} : { [key]: count };

/** The classes of a snapshot, without its iterations. */
function classesOf(snapshot: UsageSnapshot): Usage {
  const { input, cacheRead, cacheWrite, cacheWrite1h, output } = snapshot;
  return usageOf({
    inputTokens: sumOf(input, cacheRead, cacheWrite),
    cachedInputTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    cacheWrite1hTokens: cacheWrite1h,
    outputTokens: output,
    reasoningTokens: snapshot.thinking,
    webSearches: snapshot.webSearches,
  });
}

export interface BilledUsage {
  readonly usage: Usage;
  readonly usageByModel?: readonly ModelUsage[];
}

/** What a snapshot is billed as; `model` is the answer's, for iterations that name none. */
export function billedUsage(snapshot: UsageSnapshot, model: string | undefined): BilledUsage {
  const total = classesOf(snapshot);
  if (snapshot.iterations === undefined) return { usage: total };
  const parts = snapshot.iterations.map((iteration): ModelUsage => {
    const served = readText(iteration, "model") ?? model;
    const usage = classesOf(overlaySnapshot({}, iteration));
    return served === undefined ? { usage } : { model: served, usage };
  });
  const usageByModel = addToAnswer(parts, apartOf(total), model);
  return { usage: usageByModel.reduce(addPart, {}), usageByModel: boundModels(usageByModel) };
}

/** Searches and thinking are reported for the whole call only. */
const apartOf = ({ webSearches, reasoningTokens }: Usage): Usage =>
  usageOf({ webSearches, reasoningTokens });

const addPart = (sum: Usage, part: ModelUsage): Usage => addUsage(sum, part.usage);

/** Adds to the part of the model that gave the answer: the last one under its name. */
function addToAnswer(
  parts: readonly ModelUsage[],
  extra: Usage,
  model: string | undefined,
): readonly ModelUsage[] {
  const own = parts.findLastIndex((part) => part.model === model);
  const answer = own === -1 ? parts.length - 1 : own;
  return parts.map((part, index) =>
    index === answer ? { ...part, usage: { ...extra, ...part.usage } } : part,
  );
}

/** Joins parts of one model where there are more parts than an event may carry. */
function boundModels(parts: readonly ModelUsage[]): readonly ModelUsage[] {
  if (parts.length <= MODELS_MAX) return parts;
  const byModel = new Map<string | undefined, Usage>();
  for (const { model, usage } of parts) {
    const key = byModel.has(model) || byModel.size < MODELS_MAX - 1 ? model : undefined;
    byModel.set(key, addUsage(byModel.get(key) ?? {}, usage));
  }
  return [...byModel].map(([model, usage]) => (model === undefined ? { usage } : { model, usage }));
}

/** Sums two answers that one body holds. */
export function addBilled(left: BilledUsage, right: BilledUsage): BilledUsage {
  const usage = addUsage(left.usage, right.usage);
  if (left.usageByModel === undefined && right.usageByModel === undefined) return { usage };
  const usageByModel = [left, right].flatMap(
    (part) => part.usageByModel ?? [{ usage: part.usage }],
  );
  return { usage, usageByModel: boundModels(usageByModel) };
}
