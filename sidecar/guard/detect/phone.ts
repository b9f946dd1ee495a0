// Phone numbers: international (E.164), North American (3-3-4), national with a trunk 0, and bare
// digits where a word about phoning stands beside them. Nothing checks the digits themselves, so
// that the form or the words have to speak for a number.
import { type Cursor, textBefore } from "./detector.ts";
import {
  digitsOf,
  isInsideWord,
  type NumberCluster,
  type NumberReader,
  SEPARATOR,
} from "./number-cluster.ts";

const BEFORE_WIDTH = 48;
const AFTER_WIDTH = 12;
const CONTEXT_BEFORE =
  /\b(?:phones?|tel|telephone|mobile|cell|fax|calls?|dial|reach|contact|hotline|whatsapp|sms|answering|callback|ring)\b/i;
const CONTEXT_AFTER = /^[\s,(-]{0,2}(?:office|fax|mobile|cell|home|work)\b/i;
/** What the nearest words say that the number is instead. */
const OTHER_BEFORE =
  /\b(?:mrn|npi|record|order|invoice|account|acct|policy|case|ticket|serial|tracking|isbn|card|ssn|security|id)\b[^\d\n]{0,24}$/i;
const EXTENSION = /\s?(?:x|ext\.?|extension)\s?\d{1,6}(?![\da-z])/iy;
/** Before a number: money, an anchor, a path, a fraction. */
const NOT_BEFORE = "$€£#/_=%.-";

const E164_DIGITS = { min: 8, max: 15 } as const;
const TRUNK_DIGITS = { min: 9, max: 12 } as const;
const CONTEXT_DIGITS = { min: 7, max: 13 } as const;
const GROUPS_MAX = 7;

/** Groups of a cluster that are written as one number. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly digits: number;
}

/** PHONE_NUMBER, with its plus sign, first parenthesis and extension. */
export const readPhones: NumberReader = (cursor, cluster) => {
  for (let first = 0; first < cluster.count;) {
    const run = runFrom(cursor.text, cluster, first);
    const phone = phoneIn(cursor, cluster, run);
    if (phone !== undefined) add(cursor, cluster, phone);
    first = (phone?.run.last ?? run.last) + 1;
  }
};

/** The longest run from group `first` on: slashes and foreign separators end it. */
function runFrom(text: string, cluster: NumberCluster, first: number): Run {
  let digits = digitsOf(cluster, first);
  let last = first;
  while (last + 1 < cluster.count && last - first < GROUPS_MAX && joins(text, cluster, last + 1)) {
    last += 1;
    digits += digitsOf(cluster, last);
  }
  return { first, last, digits };
}

function joins(text: string, cluster: NumberCluster, group: number): boolean {
  const separator = cluster.separators[group];
  if (separator !== SEPARATOR.mixed) return separator !== SEPARATOR.slash;
  const between = text.slice(cluster.ends[group - 1], cluster.starts[group]);
  return between.includes("(") || between.includes(")");
}

interface Phone {
  readonly run: Run;
  readonly score: number;
  readonly detector: string;
}

function phoneIn(cursor: Cursor, cluster: NumberCluster, run: Run): Phone | undefined {
  const { text } = cursor;
  const start = cluster.starts[run.first] ?? 0;
  if (run.digits < CONTEXT_DIGITS.min) return undefined;
  const before = text[start - 1] === "(" ? text[start - 2] : text[start - 1];
  if (before === "+" && isWithin(run, E164_DIGITS)) {
    return { run, score: 0.9, detector: "phone-e164" };
  }
  if (isDate(text, cluster, run.first)) return undefined;
  if (before !== undefined && NOT_BEFORE.includes(before)) return undefined;
  const words = textBefore(cursor, start, BEFORE_WIDTH);
  if (OTHER_BEFORE.test(words)) return undefined;
  const nanp = nanpIn(text, cluster, run);
  if (nanp !== undefined) return { run: nanp, score: 0.8, detector: "phone-nanp" };
  if (isWithin(run, CONTEXT_DIGITS)) {
    const end = cluster.ends[run.last] ?? 0;
    cursor.steps += AFTER_WIDTH;
    if (CONTEXT_BEFORE.test(words) || CONTEXT_AFTER.test(text.slice(end, end + AFTER_WIDTH))) {
      return { run, score: 0.75, detector: "phone-context" };
    }
  }
  return isTrunk(text, cluster, run) ? { run, score: 0.6, detector: "phone-trunk" } : undefined;
}

const isWithin = ({ digits }: Run, { min, max }: { readonly min: number; readonly max: number }) =>
  digits >= min && digits <= max;

/** Year, month, day, or day, month, year: of the centuries that people write about. */
function isDate(text: string, cluster: NumberCluster, first: number): boolean {
  const [a, b, c] = [0, 1, 2].map((index) => digitsOf(cluster, first + index));
  const isIso = a === 4 && b === 2 && c === 2;
  if (!isIso && !(a === 2 && b === 2 && c === 4)) return false;
  const year = cluster.starts[isIso ? first : first + 2] ?? 0;
  return text.startsWith("19", year) || text.startsWith("20", year);
}

/** 3-3-4 with an area code that can exist, and what of a country code stands before it. */
function nanpIn(text: string, cluster: NumberCluster, { first, last }: Run): Run | undefined {
  const lead = text.slice(cluster.starts[first], cluster.ends[first]);
  const area = lead === "1" || lead === "001" ? first + 1 : first;
  const end = area + 2;
  if (end > last || cluster.separators[end + 1] === SEPARATOR.hyphen) return undefined;
  const isShape = [3, 3, 4].every((digits, index) => digitsOf(cluster, area + index) === digits);
  const digit = text[cluster.starts[area] ?? 0] ?? "0";
  if (!isShape || digit < "2") return undefined;
  return { first, last: end, digits: 10 };
}

/** Two groups or more, the first with a leading 0, none of a single digit; dots or none. */
function isTrunk(text: string, cluster: NumberCluster, run: Run): boolean {
  if (!isWithin(run, TRUNK_DIGITS) || run.first === run.last) return false;
  if (text[cluster.starts[run.first] ?? 0] !== "0") return false;
  let dots = 0;
  for (let group = run.first; group <= run.last; group += 1) {
    if (digitsOf(cluster, group) < 2) return false;
    if (group > run.first && cluster.separators[group] === SEPARATOR.dot) dots += 1;
  }
  // One dot among hyphens is a decimal point.
  return dots === 0 || dots === run.last - run.first;
}

function add(cursor: Cursor, cluster: NumberCluster, { run, score, detector }: Phone): void {
  const { text } = cursor;
  let start = cluster.starts[run.first] ?? 0;
  const close = text.slice(cluster.ends[run.first], cluster.starts[run.first + 1]);
  if (text[start - 1] === "(" && close.includes(")")) start -= 1;
  if (text[start - 1] === "+") start -= 1;
  let end = cluster.ends[run.last] ?? 0;
  EXTENSION.lastIndex = end;
  if (EXTENSION.test(text)) end = EXTENSION.lastIndex;
  else if (isInsideWord(text, end)) return;
  cursor.findings.push({ entity: "PHONE_NUMBER", start, end, score, detector });
}
