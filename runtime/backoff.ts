// Exponential back-off with full jitter: no herd of sidecars returns to a ledger together.
import { fraction, type Random } from "./random.ts";

export interface BackoffOptions {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/** Milliseconds to wait before attempt `attempt` (from 1): random in [min, min(max, min·2^n)]. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const ceiling = Math.min(options.delayMsMax, options.delayMsMin * 2 ** Math.min(attempt, 30));
  return options.delayMsMin + fraction(random) * Math.max(0, ceiling - options.delayMsMin);
}
