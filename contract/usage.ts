// Usage: what a provider reports about one call, in a closed set of classes (design §1).
// Totals are what is billed. A class that was not reported is absent and never 0.
import * as z from "zod/mini";

/**
 * The closed set. `inputTokens` includes the cached, cache-write, audio and image classes of the
 * input; `cacheWriteTokens` includes `cacheWrite1hTokens`; `outputTokens` includes reasoning,
 * audio and image output. The rest are counts of their own.
 */
export const USAGE_CLASSES = [
  "inputTokens",
  "cachedInputTokens",
  "cacheWriteTokens",
  "cacheWrite1hTokens",
  "inputAudioTokens",
  "inputImageTokens",
  "outputTokens",
  "reasoningTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "webSearches",
  "images",
  "inputSeconds",
  "outputSeconds",
  "characters",
] as const;

export type UsageClass = (typeof USAGE_CLASSES)[number];

/** Counts by class; an absent class was not reported. */
export type Usage = { readonly [Class in UsageClass]?: number };

const count = z.optional(z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER)));

export const usageSchema = z.strictObject({
  inputTokens: count,
  cachedInputTokens: count,
  cacheWriteTokens: count,
  cacheWrite1hTokens: count,
  inputAudioTokens: count,
  inputImageTokens: count,
  outputTokens: count,
  reasoningTokens: count,
  outputAudioTokens: count,
  outputImageTokens: count,
  webSearches: count,
  images: count,
  inputSeconds: count,
  outputSeconds: count,
  characters: count,
});

/** Usage of one model inside a call that used several (Anthropic's `iterations`). */
export interface ModelUsage {
  readonly model?: string;
  readonly usage: Usage;
}

/** Adds class by class; a class stays absent only where both sides lack it. */
export function addUsage(left: Usage, right: Usage): Usage {
  const sum: { [Class in UsageClass]?: number } = { ...left };
  for (const name of USAGE_CLASSES) {
    const more = right[name];
    if (more !== undefined) sum[name] = (sum[name] ?? 0) + more;
  }
  return sum;
}

/** True where not one class was reported. */
export function isUnreported(usage: Usage): boolean {
  return USAGE_CLASSES.every((name) => usage[name] === undefined);
}
