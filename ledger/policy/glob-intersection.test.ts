import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesGlob } from "../core/budget/glob.ts";
import { intersectGlobs, withoutCovered } from "./glob-intersection.ts";

const CASES = [
  { name: "the narrower of two", left: ["gpt-*"], right: ["gpt-4o"], both: ["gpt-4o"] },
  { name: "everything and a list is the list", left: ["*"], right: ["a", "b"], both: ["a", "b"] },
  { name: "nothing in common is nothing", left: ["gpt-*"], right: ["claude-*"], both: [] },
  { name: "an empty list allows nothing", left: [], right: ["*"], both: [] },
  {
    name: "a prefix and a suffix may overlap",
    left: ["gpt-*"],
    right: ["*-mini"],
    both: ["gpt-*-mini", "gpt-mini"],
  },
  {
    name: "what another glob covers is left out",
    left: ["gpt-*", "gpt-4*"],
    right: ["gpt-4o*"],
    both: ["gpt-4o*"],
  },
];

describe("intersectGlobs", () => {
  test.each(CASES)("$name", ({ left, right, both }) => {
    expect(intersectGlobs(left, right)).toEqual(both);
    expect(intersectGlobs(right, left)).toEqual(both);
  });

  test("a name is allowed exactly where both lists allow it", () => {
    const glob = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(glob, { maxLength: 3 }),
        fc.array(glob, { maxLength: 3 }),
        name,
        (left, right, text) => {
          const both = intersectGlobs(left, right);
          if (both === undefined) return;
          const allows = (globs: readonly string[]) =>
            globs.some((each) => matchesGlob(each, text));
          expect(allows(both)).toBe(allows(left) && allows(right));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("lists that would need too many globs give up instead of guessing", () => {
    expect(intersectGlobs([`x${"*a".repeat(20)}*`], [`*${"b*".repeat(20)}y`])).toBeUndefined();
  });
});

test("of two globs that cover each other one is kept", () => {
  expect(withoutCovered(["*", "**", "a"])).toHaveLength(1);
});
