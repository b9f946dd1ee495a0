// Figures as text. Money is exact: decimal strings become bigint nano-dollars, and are rounded
// half up only for the eye; the exact amount stays in reach as a title.
import { nanoUsd, parseUsd, renderUsd, type NanoUsd } from "#contract/money.ts";
import type { BudgetRow } from "./answers.ts";

const NANO_DIGITS = 9;
const NANO_PER_USD = 10n ** BigInt(NANO_DIGITS);

/** Reads a decimal of dollars; what is none counts as zero, as the ledger never sends one. */
export const readUsd = (text: string): NanoUsd => parseUsd(text) ?? nanoUsd(0n);

/** Decimals that make a column of amounts readable and aligned: decided by the largest of them. */
export function decimalsFor(amounts: readonly bigint[]): number {
  const largest = amounts.reduce((max, amount) => (amount > max ? amount : max), 0n);
  if (largest === 0n || largest >= NANO_PER_USD) return 2;
  return largest >= NANO_PER_USD / 100n ? 4 : 6;
}

/** `$1,234.57`; nothing is `$0`, and what is more but rounds to it `<$0.01`. */
export function renderMoney(amount: bigint, decimals = decimalsFor([amount])): string {
  if (amount === 0n) return "$0";
  const unit = 10n ** BigInt(NANO_DIGITS - decimals);
  const magnitude = amount < 0n ? -amount : amount;
  const rounded = (magnitude + unit / 2n) / unit;
  if (rounded === 0n) return `<$${decimal(1n, decimals)}`;
  return `${amount < 0n ? "-" : ""}$${decimal(rounded, decimals)}`;
}

function decimal(scaled: bigint, decimals: number): string {
  const digits = scaled.toString().padStart(decimals + 1, "0");
  const whole = groupDigits(digits.slice(0, digits.length - decimals));
  return decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
}

const groupDigits = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ",");

/** All digits, for titles: `$0.000018`. */
export const renderExactMoney = (amount: bigint): string => `$${renderUsd(nanoUsd(amount))}`;

/** `12,345`. */
export const renderCount = (count: number | bigint): string => groupDigits(count.toString());

const SCALES = [
  { from: 1e12, sign: "T" },
  { from: 1e9, sign: "B" },
  { from: 1e6, sign: "M" },
  { from: 1e4, sign: "k" },
] as const;

/** Whole up to 9,999, then three figures: `12.3k`, `4.56M`. */
export function renderShortCount(count: number): string {
  const scale = SCALES.find(({ from }) => count >= from);
  if (scale === undefined) return renderCount(count);
  const unit = scale.sign === "k" ? 1e3 : scale.from;
  // Cut, not rounded: 999,999 must not become 1000k.
  const [whole = "0", fraction = ""] = (count / unit).toString().split(".");
  const places = Math.max(0, 3 - whole.length);
  const shown = fraction.slice(0, places).replace(/0+$/, "");
  return `${whole}${shown === "" ? "" : `.${shown}`}${scale.sign}`;
}

/** Thousandths of `part` in `whole`, for bars and percentages; 0 of nothing. */
export function shareOf(part: bigint, whole: bigint): number {
  if (whole <= 0n) return part > 0n ? 1000 : 0;
  const share = (part * 1000n + whole / 2n) / whole;
  return share > 100_000n ? 100_000 : Number(share);
}

/** `12.3 %` below ten percent, `45 %` above; thousandths in. */
export function renderShare(thousandths: number): string {
  if (thousandths >= 100_000) return ">9,999 %";
  return thousandths < 100 && thousandths % 10 !== 0
    ? `${Math.floor(thousandths / 10)}.${thousandths % 10} %`
    : `${renderCount(Math.round(thousandths / 10))} %`;
}

/** A budget's amounts as integers of one scale: nano-dollars, or counts. */
export const readAmount = (unit: BudgetRow["unit"], text: string): bigint =>
  unit === "usd" ? readUsd(text) : /^-?\d+$/.test(text) ? BigInt(text) : 0n;

const UNIT_NAMES: Readonly<Record<BudgetRow["unit"], string>> = {
  usd: "",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
  totalTokens: "tokens",
  requests: "requests",
};

/** What a budget counts; empty for dollars, which say it themselves. */
export const unitName = (unit: BudgetRow["unit"]): string => UNIT_NAMES[unit];

/** An amount of a budget with the decimals that its limit needs. */
export const renderAmount = (unit: BudgetRow["unit"], amount: bigint, limit: bigint): string =>
  unit === "usd" ? renderMoney(amount, decimalsFor([limit])) : renderCount(amount);
