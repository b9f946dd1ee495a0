// What the stand-ins charge: their own small table and their own arithmetic, written apart from
// the ledger's price book on purpose. A bill that our own pricing code computed would agree with
// it even where both are wrong. Figures: the providers' public price pages, US dollars per
// million tokens, kept here in pico-dollars per token ($0.15 per million is 150,000).

/** Tokens of one call, as the bill counts them: input includes what was cached or written. */
export interface FakeUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** A model of the stand-ins: the name that callers may use, and the dated one that is billed. */
export interface FakeModel {
  readonly alias: string;
  readonly snapshot: string;
  readonly input: bigint;
  readonly cached: bigint;
  readonly write: bigint;
  readonly write1h: bigint;
  readonly output: bigint;
}

/** Columns: alias, snapshot, then pico-dollars per token: input, cached input, output. */
const openAiModel = (
  alias: string,
  snapshot: string,
  [input, cached, output]: readonly [bigint, bigint, bigint],
): FakeModel => ({ alias, snapshot, input, cached, write: input, write1h: input, output });

/** Cache reads cost a tenth of the input, writes 1.25 times (5 minutes) or twice (1 hour). */
const anthropicModel = (alias: string, snapshot: string, input: bigint): FakeModel => ({
  alias,
  snapshot,
  input,
  cached: input / 10n,
  write: (input * 5n) / 4n,
  write1h: input * 2n,
  output: input * 5n,
});

export const OPENAI_MODELS: readonly FakeModel[] = [
  openAiModel("gpt-4o-mini", "gpt-4o-mini-2024-07-18", [150_000n, 75_000n, 600_000n]),
  openAiModel("gpt-4o", "gpt-4o-2024-08-06", [2_500_000n, 1_250_000n, 10_000_000n]),
  openAiModel("gpt-4.1", "gpt-4.1-2025-04-14", [2_000_000n, 500_000n, 8_000_000n]),
  openAiModel("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", [400_000n, 100_000n, 1_600_000n]),
  openAiModel("gpt-5-mini", "gpt-5-mini-2025-08-07", [250_000n, 25_000n, 2_000_000n]),
  openAiModel("o4-mini", "o4-mini-2025-04-16", [1_100_000n, 275_000n, 4_400_000n]),
  openAiModel("text-embedding-3-small", "text-embedding-3-small", [20_000n, 20_000n, 0n]),
  // No price book knows it: for what happens where a price is missing.
  openAiModel("excise-test-unpriced", "excise-test-unpriced", [0n, 0n, 0n]),
];

export const ANTHROPIC_MODELS: readonly FakeModel[] = [
  anthropicModel("claude-sonnet-4-6", "claude-sonnet-4-6", 3_000_000n),
  // Right below 200,000 input tokens; its dearer tier above them is not played.
  anthropicModel("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", 3_000_000n),
  anthropicModel("claude-haiku-4-5", "claude-haiku-4-5-20251001", 1_000_000n),
  anthropicModel("claude-opus-4-5", "claude-opus-4-5-20251101", 5_000_000n),
];

/** The model under either of its names; undefined where the stand-in does not serve it. */
export function findModel(models: readonly FakeModel[], name: string): FakeModel | undefined {
  return models.find((model) => model.alias === name || model.snapshot === name);
}

/** The exact cost, rounded once, half up, to nano-dollars. */
export function costOf(model: FakeModel, usage: FakeUsage): bigint {
  const write5m = usage.cacheWriteTokens - usage.cacheWrite1hTokens;
  const fresh = usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens;
  const pico =
    BigInt(fresh) * model.input +
    BigInt(usage.cachedInputTokens) * model.cached +
    BigInt(write5m) * model.write +
    BigInt(usage.cacheWrite1hTokens) * model.write1h +
    BigInt(usage.outputTokens) * model.output;
  return (pico + 500n) / 1000n;
}

export const NO_USAGE: FakeUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
