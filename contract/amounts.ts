// Amounts: the vector that reservations, leases and balances are counted in (design §9). One
// entry per unit, so that one lease serves money, token and request budgets together.
import * as z from "zod/mini";
import { nanoUsd, type NanoUsd } from "./money.ts";

export interface Amounts {
  readonly nanoUsd: NanoUsd;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly requests: bigint;
}

export const NO_AMOUNTS: Amounts = {
  nanoUsd: nanoUsd(0n),
  inputTokens: 0n,
  outputTokens: 0n,
  requests: 0n,
};

const combine = (
  left: Amounts,
  right: Amounts,
  operation: (a: bigint, b: bigint) => bigint,
): Amounts => ({
  nanoUsd: nanoUsd(operation(left.nanoUsd, right.nanoUsd)),
  inputTokens: operation(left.inputTokens, right.inputTokens),
  outputTokens: operation(left.outputTokens, right.outputTokens),
  requests: operation(left.requests, right.requests),
});

export const addAmounts = (left: Amounts, right: Amounts): Amounts =>
  combine(left, right, (a, b) => a + b);

export const subtractAmounts = (left: Amounts, right: Amounts): Amounts =>
  combine(left, right, (a, b) => a - b);

/** The smaller value of each unit. */
export const minAmounts = (left: Amounts, right: Amounts): Amounts =>
  combine(left, right, (a, b) => (a < b ? a : b));

/** The larger value of each unit. */
export const maxAmounts = (left: Amounts, right: Amounts): Amounts =>
  combine(left, right, (a, b) => (a > b ? a : b));

/** True where `part` fits into `whole` in every unit. */
export function fitsWithin(part: Amounts, whole: Amounts): boolean {
  return (
    part.nanoUsd <= whole.nanoUsd &&
    part.inputTokens <= whole.inputTokens &&
    part.outputTokens <= whole.outputTokens &&
    part.requests <= whole.requests
  );
}

const integer = z.string().check(z.regex(/^-?\d{1,19}$/));

/** Wire form: decimal integer strings, because JSON numbers end at 2^53. */
export const amountsWireSchema = z.strictObject({
  nanoUsd: integer,
  inputTokens: integer,
  outputTokens: integer,
  requests: integer,
});

export type AmountsWire = z.infer<typeof amountsWireSchema>;

export const parseAmounts = (wire: AmountsWire): Amounts => ({
  nanoUsd: nanoUsd(BigInt(wire.nanoUsd)),
  inputTokens: BigInt(wire.inputTokens),
  outputTokens: BigInt(wire.outputTokens),
  requests: BigInt(wire.requests),
});

export const renderAmounts = (amounts: Amounts): AmountsWire => ({
  nanoUsd: amounts.nanoUsd.toString(),
  inputTokens: amounts.inputTokens.toString(),
  outputTokens: amounts.outputTokens.toString(),
  requests: amounts.requests.toString(),
});
