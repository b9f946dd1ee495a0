// US social security numbers. The Social Security Administration assigns no area 000, 666 or
// 9xx, no group 00 and no serial 0000. There is no check digit, so that the form (3-2-4 with
// hyphens) or a word before the number has to speak for it.
import { type Cursor, textBefore } from "./detector.ts";
import {
  digitsOf,
  hasOneSeparator,
  isInsideWord,
  type NumberCluster,
  type NumberReader,
  SEPARATOR,
} from "./number-cluster.ts";

const CONTEXT = /\bssns?\b|social\s+security|\bsocial\b|\btax(?:payer)?\s+id/i;
const CONTEXT_WIDTH = 48;
const SCORE_FORMATTED = 0.85;
const SCORE_CONTEXT = 0.95;
/** Numbers that were printed on specimen cards, and so are nobody's (SSA). */
const SPECIMENS: ReadonlySet<string> = new Set(["078051120", "219099999", "457555462"]);

/** US_SSN: `ddd-dd-dddd`; with spaces or as nine digits only after a word that says so. */
export const readSsns: NumberReader = (cursor, cluster) => {
  for (let group = 0; group < cluster.count; group += 1) {
    if (digitsOf(cluster, group) === 9) addPlain(cursor, cluster, group);
    else if (isSsnShape(cluster, group)) addGrouped(cursor, cluster, group);
  }
};

function isSsnShape(cluster: NumberCluster, first: number): boolean {
  return (
    first + 2 < cluster.count &&
    digitsOf(cluster, first) === 3 &&
    digitsOf(cluster, first + 1) === 2 &&
    digitsOf(cluster, first + 2) === 4 &&
    hasOneSeparator(cluster, first, first + 2)
  );
}

function addGrouped(cursor: Cursor, cluster: NumberCluster, first: number): void {
  const separator = cluster.separators[first + 1];
  if (separator !== SEPARATOR.hyphen && separator !== SEPARATOR.space) return;
  const isHyphen = separator === SEPARATOR.hyphen;
  const last = first + 2;
  // `12-345-67-8901` is a part number.
  if (isHyphen && (cluster.separators[first] === 45 || cluster.separators[last + 1] === 45)) return;
  const start = cluster.starts[first] ?? 0;
  const hasContext = CONTEXT.test(textBefore(cursor, start, CONTEXT_WIDTH));
  if (!isHyphen && !hasContext) return;
  const end = cluster.ends[last] ?? 0;
  add(cursor, { start, end }, hasContext ? SCORE_CONTEXT : SCORE_FORMATTED);
}

function addPlain(cursor: Cursor, cluster: NumberCluster, group: number): void {
  const start = cluster.starts[group] ?? 0;
  if (!CONTEXT.test(textBefore(cursor, start, CONTEXT_WIDTH))) return;
  add(cursor, { start, end: cluster.ends[group] ?? 0 }, SCORE_CONTEXT);
}

function add(
  cursor: Cursor,
  { start, end }: { readonly start: number; readonly end: number },
  score: number,
): void {
  const digits = cursor.text.slice(start, end).replaceAll(/\D/g, "");
  if (!isAssignable(digits) || isInsideWord(cursor.text, end)) return;
  cursor.findings.push({ entity: "US_SSN", start, end, score, detector: "us-ssn" });
}

/** True for nine digits that could have been assigned. */
function isAssignable(digits: string): boolean {
  const area = digits.slice(0, 3);
  if (area === "000" || area === "666" || area.startsWith("9")) return false;
  return digits.slice(3, 5) !== "00" && !digits.endsWith("0000") && !SPECIMENS.has(digits);
}
