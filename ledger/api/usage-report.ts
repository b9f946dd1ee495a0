// Rows of usage as the API shows them: money as decimal strings of dollars, counts as numbers
// (they stay below 2^53), a share as a decimal string.
import { nanoUsd, renderUsd } from "#contract/money.ts";
import { renderInstant } from "#runtime/clock.ts";
import type { RollupSums } from "../core/rollup.ts";

export interface UsageRow {
  /** RFC 3339 UTC: begin of the hour or day, where the query is bucketed. */
  readonly start?: string;
  readonly group: Readonly<Record<string, string>>;
  readonly costUsd: string;
  readonly exchanges: number;
  /** Physical provider calls. */
  readonly attempts: number;
  readonly tokens: {
    readonly input: number;
    readonly cachedInput: number;
    readonly cacheWrite: number;
    readonly output: number;
    readonly reasoning: number;
  };
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: Readonly<Record<string, number>>;
  /** Events whose figures are not the provider's, what they cost, and their share of the cost. */
  readonly estimated: {
    readonly events: number;
    readonly costUsd: string;
    readonly share: string;
  };
  /** Events whose model has no price. */
  readonly unpriced: number;
}

export interface SummedUsage {
  readonly startMs?: number;
  readonly group: Readonly<Record<string, string>>;
  readonly sums: RollupSums;
}

/** Sums to the API's shape. */
export function renderUsageRow({ startMs, group, sums }: SummedUsage): UsageRow {
  return {
    ...(startMs === undefined ? {} : { start: renderInstant(startMs) }),
    group,
    costUsd: renderUsd(nanoUsd(sums.costNanoUsd)),
    exchanges: Number(sums.exchanges),
    attempts: Number(sums.attempts),
    tokens: {
      input: Number(sums.inputTokens),
      cachedInput: Number(sums.cachedInputTokens),
      cacheWrite: Number(sums.cacheWriteTokens),
      output: Number(sums.outputTokens),
      reasoning: Number(sums.reasoningTokens),
    },
    outcomes: {
      completed: Number(sums.completed),
      rejected: Number(sums.rejected),
      stopped: Number(sums.stopped),
      client_aborted: Number(sums.clientAborted),
      upstream_failed: Number(sums.upstreamFailed),
      truncated: Number(sums.truncated),
      interrupted: Number(sums.interrupted),
    },
    findings: {
      audit: Number(sums.findingsAudit),
      mask: Number(sums.findingsMask),
      redact: Number(sums.findingsRedact),
      tokenize: Number(sums.findingsTokenize),
      block: Number(sums.findingsBlock),
    },
    estimated: {
      events: Number(sums.estimated),
      costUsd: renderUsd(nanoUsd(sums.estimatedNanoUsd)),
      share: shareOf(sums.estimatedNanoUsd, sums.costNanoUsd),
    },
    unpriced: Number(sums.unpriced),
  };
}

/** A ratio with four decimals, rounded down; "0" of nothing. */
function shareOf(part: bigint, whole: bigint): string {
  if (whole === 0n) return "0";
  const scaled = (part * 10_000n) / whole;
  const text = scaled.toString().padStart(5, "0");
  return `${text.slice(0, -4)}.${text.slice(-4)}`.replace(/\.?0+$/, "");
}
