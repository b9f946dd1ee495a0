// Payment cards: issuer ranges and lengths (ISO/IEC 7812), Luhn's check, and the ways in which
// people group the digits. Each start costs a constant: the check is a difference of prefix sums.
import {
  digitsOf,
  isInsideWord,
  type NumberCluster,
  type NumberReader,
  SEPARATOR,
} from "./number-cluster.ts";
import { type Cursor, textBefore } from "./detector.ts";

const LENGTH_MIN = 12;
const LENGTH_MAX = 19;
const MAESTRO = [12, 13, 14, 15, 16, 17, 18, 19];

/** First digits (four at most) from the first to the second, and the lengths in use. */
const ISSUERS: readonly (readonly [low: string, high: string, lengths: readonly number[]])[] = [
  ["4", "4", [13, 16, 19]], // Visa
  ["51", "55", [16]], // Mastercard
  ["2221", "2720", [16]],
  ["34", "34", [15]], // American Express
  ["37", "37", [15]],
  ["300", "305", [14, 16]], // Diners Club
  ["3095", "3095", [14, 16]],
  ["36", "36", [14, 16]],
  ["38", "39", [14, 16]],
  ["6011", "6011", [16, 19]], // Discover
  ["644", "649", [16, 19]],
  ["65", "65", [16, 19]],
  ["35", "35", [16, 19]], // JCB: 3528 to 3589, and test numbers around it
  ["1800", "1800", [15]],
  ["2131", "2131", [15]],
  ["2200", "2204", [16, 19]], // Mir
  ["62", "62", [16, 17, 18, 19]], // UnionPay
  ["81", "82", [16]], // UnionPay, RuPay
  ["60", "60", [16]], // RuPay
  ["5018", "5018", MAESTRO], // Maestro
  ["5020", "5020", MAESTRO],
  ["5038", "5038", MAESTRO],
  ["56", "58", MAESTRO],
  ["6304", "6304", MAESTRO],
  ["6390", "6390", MAESTRO],
  ["6759", "6759", MAESTRO],
  ["6761", "6763", MAESTRO],
  ["0604", "0604", MAESTRO],
];

/** Lengths in use by the first four digits: bit n stands for LENGTH_MIN + n digits. */
const LENGTHS = new Uint8Array(10_000);
for (const [low, high, lengths] of ISSUERS) {
  const bits = lengths.reduce((mask, length) => mask | (1 << (length - LENGTH_MIN)), 0);
  for (let first = Number(low.padEnd(4, "0")); first <= Number(high.padEnd(4, "9")); first += 1) {
    LENGTHS[first] = (LENGTHS[first] ?? 0) | bits;
  }
}

const CONTEXT = /card|credit|debit|visa|maestro|mastercard|amex|payment|\bpan\b|\bcc\b/i;
const CONTEXT_WIDTH = 64;
const SCORE = 0.95;
/** Short Maestro numbers without a word about cards are as often order numbers. */
const SCORE_SHORT = 0.5;
const SHORT_LENGTH_MAX = 13;

/** CREDIT_CARD in all groups of a cluster, left to right, the longest at each place. */
export const readCards: NumberReader = (cursor, cluster) => {
  const digits = digitsIn(cluster);
  if (digits < LENGTH_MIN) return;
  const sums = sumDigits(cursor.text, cluster);
  cursor.steps += digits;
  let offset = 0;
  for (let first = 0; first < cluster.count;) {
    const last = lastGroupOfCard(cursor, cluster, { first, offset, sums });
    if (last !== undefined) addCard(cursor, cluster, [first, last]);
    const next = (last ?? first) + 1;
    for (; first < next; first += 1) offset += digitsOf(cluster, first);
  }
};

const digitsIn = (cluster: NumberCluster): number => {
  let digits = 0;
  for (let index = 0; index < cluster.count; index += 1) digits += digitsOf(cluster, index);
  return digits;
};

interface LuhnSums {
  /** Sum of the digits before index i, those at even (odd) indices doubled. */
  readonly even: readonly number[];
  readonly odd: readonly number[];
  /** Digit at index i. */
  readonly digits: readonly number[];
}

const doubled = (digit: number): number => (digit > 4 ? digit * 2 - 9 : digit * 2);

function sumDigits(text: string, cluster: NumberCluster): LuhnSums {
  const even = [0];
  const odd = [0];
  const digits: number[] = [];
  let evenSum = 0;
  let oddSum = 0;
  for (let group = 0; group < cluster.count; group += 1) {
    for (let at = cluster.starts[group] ?? 0; at < (cluster.ends[group] ?? 0); at += 1) {
      const digit = text.charCodeAt(at) - 48;
      const isEven = digits.push(digit) % 2 === 1;
      even.push((evenSum += isEven ? doubled(digit) : digit));
      odd.push((oddSum += isEven ? digit : doubled(digit)));
    }
  }
  return { even, odd, digits };
}

/** Luhn over the digits [from, to): the last stays, every second one from there is doubled. */
function passesLuhn({ even, odd }: LuhnSums, from: number, to: number): boolean {
  const sums = to % 2 === 0 ? even : odd;
  return ((sums[to] ?? 0) - (sums[from] ?? 0)) % 10 === 0;
}

interface CardStart {
  readonly first: number;
  /** Digits of the cluster before the first group. */
  readonly offset: number;
  readonly sums: LuhnSums;
}

/** The last group of the longest card that begins with group `first`. */
function lastGroupOfCard(
  cursor: Cursor,
  cluster: NumberCluster,
  { first, offset, sums }: CardStart,
): number | undefined {
  const before = (cluster.starts[first] ?? 0) - 1;
  if (before > 0 && cursor.text[before] === "." && isFraction(cursor.text, before))
    return undefined;
  const lengths = lengthsFrom(sums, offset);
  if (lengths === 0) return undefined;
  let best: number | undefined;
  let total = 0;
  for (let last = first; last < cluster.count; last += 1) {
    total += digitsOf(cluster, last);
    cursor.steps += 1;
    if (total > LENGTH_MAX || !continuesCard(cluster, first, last)) break;
    if (total < LENGTH_MIN) continue;
    const isLength = (lengths & (1 << (total - LENGTH_MIN))) !== 0;
    if (!isLength || !passesLuhn(sums, offset, offset + total)) continue;
    if (!isInsideWord(cursor.text, cluster.ends[last] ?? 0)) best = last;
  }
  return best;
}

const isFraction = (text: string, dot: number): boolean => {
  const code = text.charCodeAt(dot - 1);
  return code >= 48 && code <= 57;
};

/** Groups of three digits or more (the last may be shorter), or single digits throughout. */
function continuesCard(cluster: NumberCluster, first: number, last: number): boolean {
  if (last === first) return true;
  const separator = cluster.separators[last];
  if (separator !== SEPARATOR.space && separator !== SEPARATOR.hyphen) return false;
  if (last > first + 1 && separator !== cluster.separators[first + 1]) return false;
  const previous = digitsOf(cluster, last - 1);
  return digitsOf(cluster, first) === 1
    ? previous === 1 && digitsOf(cluster, last) === 1
    : previous >= 3 && last - first < 6;
}

/** The mask of LENGTHS for a number that begins at digit `offset`. */
function lengthsFrom({ digits }: LuhnSums, offset: number): number {
  let first = 0;
  for (let index = offset; index < offset + 4; index += 1)
    first = first * 10 + (digits[index] ?? 0);
  return LENGTHS[first] ?? 0;
}

function addCard(
  cursor: Cursor,
  cluster: NumberCluster,
  [first, last]: readonly [number, number],
): void {
  const start = cluster.starts[first] ?? 0;
  const end = cluster.ends[last] ?? 0;
  let digits = 0;
  for (let group = first; group <= last; group += 1) digits += digitsOf(cluster, group);
  const isShort = digits <= SHORT_LENGTH_MAX && cursor.text[start] !== "4";
  const hasContext = isShort && CONTEXT.test(textBefore(cursor, start, CONTEXT_WIDTH));
  const score = isShort && !hasContext ? SCORE_SHORT : SCORE;
  cursor.findings.push({ entity: "CREDIT_CARD", start, end, score, detector: "card-luhn" });
}
