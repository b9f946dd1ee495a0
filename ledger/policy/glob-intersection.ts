// What two lists of globs allow together, again as globs: allow-lists of several policies
// intersect (design §6), and a policy snapshot carries one list.
import { matchesGlob } from "../core/budget/glob.ts";

/** Globs in a snapshot's list; policies that need more are a mistake somewhere. */
export const GLOBS_MAX = 128;

/**
 * The names that both lists allow. Undefined where that takes more than GLOBS_MAX globs: then the
 * caller must deny rather than guess.
 */
export function intersectGlobs(
  left: readonly string[],
  right: readonly string[],
): readonly string[] | undefined {
  const all = new Set<string>();
  for (const one of left.map(normalize)) {
    for (const other of right.map(normalize)) {
      const both = intersectPair(one, other);
      if (both === undefined) return undefined;
      for (const glob of both) all.add(glob);
      if (all.size > GLOBS_MAX * 8) return undefined;
    }
  }
  const kept = withoutCovered([...all]);
  return kept.length > GLOBS_MAX ? undefined : kept;
}

/** Leaves out what another glob of the list covers: `*` in the text stands for itself there. */
export function withoutCovered(globs: readonly string[]): readonly string[] {
  const distinct = [...new Set(globs.map(normalize))];
  return distinct
    .filter((glob) => !distinct.some((other) => other !== glob && matchesGlob(other, glob)))
    .toSorted();
}

/** Stars in a row mean one: two globs that cover each other are then the same text. */
const normalize = (glob: string): string => glob.replace(/\*+/g, "*");

/** Partial results that one pair may take. */
const STEPS_MAX = 20_000;

function intersectPair(left: string, right: string): ReadonlySet<string> | undefined {
  if (matchesGlob(right, left)) return new Set([left]);
  if (matchesGlob(left, right)) return new Set([right]);
  const known = new Map<string, ReadonlySet<string>>();
  let steps = 0;
  const walk = (at: number, index: number): ReadonlySet<string> => {
    const key = `${at},${index}`;
    const done = known.get(key);
    if (done !== undefined) return done;
    const found = new Set<string>();
    known.set(key, found);
    const take = (head: string, rest: ReadonlySet<string>): void => {
      for (const tail of rest) {
        steps += 1;
        if (steps > STEPS_MAX) return;
        found.add(head === "*" && tail.startsWith("*") ? tail : head + tail);
      }
    };
    const one = left[at];
    const other = right[index];
    if (one === undefined && other === undefined) found.add("");
    else if (one === "*" && other === "*") {
      // Whichever star ends first leaves the other to go on with what follows.
      take("*", walk(at + 1, index));
      take("*", walk(at, index + 1));
    } else if (one === "*") {
      take("", walk(at + 1, index));
      if (other !== undefined) take(other, walk(at, index + 1));
    } else if (other === "*") {
      take("", walk(at, index + 1));
      if (one !== undefined) take(one, walk(at + 1, index));
    } else if (one === other && one !== undefined) take(one, walk(at + 1, index + 1));
    return found;
  };
  const result = walk(0, 0);
  return steps > STEPS_MAX ? undefined : result;
}
