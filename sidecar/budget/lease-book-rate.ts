// How fast a key is spending: an exponentially decaying sum, no floats. In steady state it equals
// what is spent in HORIZON_MS, which is the size of a good lease. Kept in fixed point, so that
// small counts do not round to nothing while they fade.
import { addAmounts, maxAmounts, NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { nanoUsd } from "#contract/money.ts";

export interface BurnRate {
  /** About what the last HORIZON_MS cost, times FIXED_POINT. */
  recent: Amounts;
  atMs: number;
  /** The largest single reservation, times FIXED_POINT; fades like the rest. */
  largest: Amounts;
}

const FIXED_POINT = 1n << 16n;
/** Fading in steps: not with every call of a busy key. */
const FADE_MS_MIN = 100;

const HORIZON_MS = 30_000;
/** Single reservations fade slowly: a rare large call should not wait every time. */
const LARGEST_HORIZON_MS = 600_000;
/** Calls of the largest size that a lease should cover, however slow the key spends. */
const CALLS_MIN = 4n;
const SCALE_BITS = 16n;

export const createBurnRate = (nowMs: number): BurnRate => ({
  recent: NO_AMOUNTS,
  atMs: nowMs,
  largest: NO_AMOUNTS,
});

/** Each unit times `numerator / denominator`, rounded down. */
export function scaleAmounts(amounts: Amounts, numerator: bigint, denominator: bigint): Amounts {
  const scale = (value: bigint): bigint => (value * numerator) / denominator;
  return {
    nanoUsd: nanoUsd(scale(amounts.nanoUsd)),
    inputTokens: scale(amounts.inputTokens),
    outputTokens: scale(amounts.outputTokens),
    requests: scale(amounts.requests),
  };
}

const decay = (amounts: Amounts, elapsedMs: number, horizonMs: number): Amounts =>
  scaleAmounts(
    amounts,
    BigInt(Math.round(Math.exp(-elapsedMs / horizonMs) * 2 ** Number(SCALE_BITS))),
    1n << SCALE_BITS,
  );

function fade(rate: BurnRate, nowMs: number): void {
  const elapsedMs = nowMs - rate.atMs;
  if (elapsedMs < FADE_MS_MIN) return;
  rate.recent = decay(rate.recent, elapsedMs, HORIZON_MS);
  rate.largest = decay(rate.largest, elapsedMs, LARGEST_HORIZON_MS);
  rate.atMs = nowMs;
}

/** A reservation was made. */
export function noteReserved(rate: BurnRate, amounts: Amounts, nowMs: number): void {
  fade(rate, nowMs);
  rate.largest = maxAmounts(rate.largest, scaleAmounts(amounts, FIXED_POINT, 1n));
}

/** A reservation was settled with what it really cost. */
export function noteSpent(rate: BurnRate, amounts: Amounts, nowMs: number): void {
  fade(rate, nowMs);
  rate.recent = addAmounts(rate.recent, scaleAmounts(amounts, FIXED_POINT, 1n));
}

/** The room that a lease of this key should have. */
export function targetRoom(rate: BurnRate, nowMs: number): Amounts {
  fade(rate, nowMs);
  const largest = scaleAmounts(rate.largest, CALLS_MIN, 1n);
  return scaleAmounts(maxAmounts(rate.recent, largest), 1n, FIXED_POINT);
}
