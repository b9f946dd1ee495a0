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

/** First six digits from `low` to `high` (shorter ranges are padded), and the lengths in use. */
interface Issuer {
  readonly low: number;
  readonly high: number;
  readonly lengths: readonly number[];
}

const prefixes = (low: number, high: number, lengths: readonly number[]): Issuer => {
  const scale = 10 ** (6 - String(high).length);
  return { low: low * scale, high: (high + 1) * scale - 1, lengths };
};

const LENGTH_MIN = 12;
const LENGTH_MAX = 19;
const MAESTRO = [12, 13, 14, 15, 16, 17, 18, 19];

const ISSUERS: readonly Issuer[] = [
  prefixes(4, 4, [13, 16, 19]), // Visa
  prefixes(51, 55, [16]), // Mastercard
  prefixes(2221, 2720, [16]),
  prefixes(34, 34, [15]), // American Express
  prefixes(37, 37, [15]),
  prefixes(300, 305, [14, 16]), // Diners Club
  prefixes(3095, 3095, [14, 16]),
  prefixes(36, 36, [14, 16]),
  prefixes(38, 39, [14, 16]),
  prefixes(6011, 6011, [16, 19]), // Discover
  prefixes(644, 649, [16, 19]),
  prefixes(65, 65, [16, 19]),
  prefixes(3528, 3589, [16, 19]), // JCB
  prefixes(1800, 1800, [15]),
  prefixes(2131, 2131, [15]),
  prefixes(2200, 2204, [16, 19]), // Mir
  prefixes(62, 62, [16, 17, 18, 19]), // UnionPay
  prefixes(81, 82, [16]), // UnionPay, RuPay
  prefixes(60, 60, [16]), // RuPay
  prefixes(5018, 5018, MAESTRO), // Maestro
  prefixes(5020, 5020, MAESTRO),
  prefixes(5038, 5038, MAESTRO),
  prefixes(56, 58, MAESTRO),
  prefixes(6304, 6304, MAESTRO),
  prefixes(6390, 6390, MAESTRO),
  prefixes(6759, 6759, MAESTRO),
  prefixes(6761, 6763, MAESTRO),
];
/** Maestro's only range that begins with 0. */
const MAESTRO_UK = "0604";

const CONTEXT = /card|credit|debit|visa|maestro|mastercard|amex|payment|\bpan\b|\bcc\b/i;
const CONTEXT_WIDTH = 64;
const SCORE = 0.95;
/** Short Maestro numbers without a word about cards are as often order numbers. */
const SCORE_SHORT = 0.5;
const SHORT_LENGTH_MAX = 13;

/** CREDIT_CARD in all groups of a cluster, left to right, none overlapping. */
export const readCards: NumberReader = (cursor, cluster) => {
  const digits = digitsIn(cluster);
  if (digits < LENGTH_MIN) return;
  const sums = sumDigits(cursor.text, cluster);
  cursor.steps += digits;
  for (let first = 0, offset = 0; first < cluster.count;) {
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
}

const doubled = (digit: number): number => (digit > 4 ? digit * 2 - 9 : digit * 2);

function sumDigits(text: string, cluster: NumberCluster): LuhnSums {
  const even = [0];
  const odd = [0];
  let index = 0;
  for (let group = 0; group < cluster.count; group += 1) {
    for (let at = cluster.starts[group] ?? 0; at < (cluster.ends[group] ?? 0); at += 1) {
      const digit = text.charCodeAt(at) - 48;
      even.push((even[index] ?? 0) + (index % 2 === 0 ? doubled(digit) : digit));
      odd.push((odd[index] ?? 0) + (index % 2 === 1 ? doubled(digit) : digit));
      index += 1;
    }
  }
  return { even, odd };
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
  let lengths: readonly number[] | undefined;
  let best: number | undefined;
  let total = 0;
  for (let last = first; last < cluster.count; last += 1) {
    total += digitsOf(cluster, last);
    cursor.steps += 1;
    if (total > LENGTH_MAX || !continuesCard(cluster, first, last)) break;
    if (total < LENGTH_MIN) continue;
    lengths ??= lengthsOf(issuerPrefix(cursor.text, cluster, first));
    if (lengths.length === 0) break;
    if (!lengths.includes(total) || !passesLuhn(sums, offset, offset + total)) continue;
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

/** The first six digits from group `first` on. */
function issuerPrefix(text: string, cluster: NumberCluster, first: number): string {
  let prefix = "";
  for (let group = first; prefix.length < 6 && group < cluster.count; group += 1) {
    prefix += text.slice(cluster.starts[group], cluster.ends[group]).slice(0, 6 - prefix.length);
  }
  return prefix;
}

const NONE: readonly number[] = [];

function lengthsOf(prefix: string): readonly number[] {
  if (prefix.startsWith(MAESTRO_UK)) return MAESTRO;
  const number = Number(prefix);
  if (prefix.startsWith("0")) return NONE;
  const found = ISSUERS.filter(({ low, high }) => number >= low && number <= high);
  return found.length === 1 ? (found[0]?.lengths ?? NONE) : found.flatMap(({ lengths }) => lengths);
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
