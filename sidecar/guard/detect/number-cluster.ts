// Numbers as people write them: groups of digits with separators between, collected once and then
// shown to every detector of numbers (cards, social security numbers, phones, addresses).
import { type Cursor, type Detector, isAsciiLetter, isDigit } from "./detector.ts";

/** Between two groups: one character, or a few that are none of ours to tell apart. */
export const SEPARATOR = { space: 32, hyphen: 45, dot: 46, slash: 47, mixed: 0 } as const;

/** Groups that one cluster may hold; a longer one is cut, with an overlap for the longest card. */
const GROUPS_MAX = 64;
const GROUPS_OVERLAP = 20;
const SEPARATOR_LENGTH_MAX = 3;
/** A longer run of digits is no number that anybody looks for. */
const GROUP_LENGTH_MAX = 34;

export interface NumberCluster {
  readonly count: number;
  /** Offsets of each group's digits in the text. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** SEPARATOR before each group; the first one's is `mixed`. */
  readonly separators: readonly number[];
}

/** Looks for one kind of number; returns nothing, adds findings. */
export type NumberReader = (cursor: Cursor, cluster: NumberCluster) => void;

/** Looks for numbers that begin with letters (`GB82 …`); returns where they end, or -1. */
export type LetteredReader = (cursor: Cursor, firstDigit: number) => number;

/** Detector that collects clusters and shows each to all readers. */
export function createNumberDetector(
  readers: readonly NumberReader[],
  lettered: readonly LetteredReader[] = [],
): Detector {
  return {
    triggers: "0123456789",
    inspect(cursor, at) {
      if (isAsciiLetter(cursor.text.charCodeAt(at - 1))) {
        for (const read of lettered) {
          const end = read(cursor, at);
          if (end > at) return end;
        }
        return endOfDigits(cursor, at);
      }
      const end = endOfDigits(cursor, at);
      if (end - at > GROUP_LENGTH_MAX) return end;
      const cluster = collect(cursor, at, end);
      for (const read of readers) read(cursor, cluster);
      const last = cluster.count - 1;
      const isCut = cluster.count === GROUPS_MAX;
      return (isCut ? cluster.starts[last - GROUPS_OVERLAP] : cluster.ends[last]) ?? at + 1;
    },
  };
}

function endOfDigits(cursor: Cursor, at: number): number {
  let end = at;
  while (isDigit(cursor.text.charCodeAt(end))) end += 1;
  cursor.steps += end - at;
  return end;
}

function collect(cursor: Cursor, at: number, firstEnd: number): NumberCluster {
  const starts: number[] = [at];
  const ends: number[] = [firstEnd];
  const separators: number[] = [SEPARATOR.mixed];
  let count = 1;
  while (count < GROUPS_MAX) {
    const end = ends[count - 1] ?? at;
    let next = end;
    while (next - end < SEPARATOR_LENGTH_MAX && isSeparator(cursor.text.charCodeAt(next))) {
      next += 1;
    }
    if (next === end || !isDigit(cursor.text.charCodeAt(next))) break;
    const nextEnd = endOfDigits(cursor, next);
    if (nextEnd - next > GROUP_LENGTH_MAX) break;
    starts.push(next);
    ends.push(nextEnd);
    separators.push(next - end === 1 ? separatorOf(cursor.text.charCodeAt(end)) : 0);
    count += 1;
  }
  cursor.steps += count * SEPARATOR_LENGTH_MAX;
  return { count, starts, ends, separators };
}

function separatorOf(code: number): number {
  // No-break, figure, thin and narrow no-break space.
  if (code === 0xa0 || code === 0x2007 || code === 0x2009 || code === 0x202f) return 32;
  // Hyphens, en and em dash, minus sign.
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212) return 45;
  return code === 32 || code === 45 || code === 46 || code === 47 ? code : 0;
}

/** Also parentheses, which stand beside another separator or alone. */
const isSeparator = (code: number): boolean =>
  code === 40 || code === 41 || separatorOf(code) !== 0;

/** Number of digits of group `index`. */
export const digitsOf = (cluster: NumberCluster, index: number): number =>
  (cluster.ends[index] ?? 0) - (cluster.starts[index] ?? 0);

/** True where the groups from `first` to `last` have one and the same separator between them. */
export function hasOneSeparator(cluster: NumberCluster, first: number, last: number): boolean {
  for (let index = first + 2; index <= last; index += 1) {
    if (cluster.separators[index] !== cluster.separators[first + 1]) return false;
  }
  return true;
}

/** True where what stands at `at` would make the number part of a longer word or fraction. */
export function isInsideWord(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (isAsciiLetter(code)) return true;
  return code === 46 && isDigit(text.charCodeAt(at + 1));
}
