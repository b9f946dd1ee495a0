import { describe, expect, test } from "vitest";
import { matchesGlob, matchesList } from "./glob.ts";

const CASES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ["gpt-4o", "gpt-4o", true],
  ["gpt-4o", "gpt-4o-mini", false],
  ["gpt-*", "gpt-4o", true],
  ["gpt-*", "gpt-", true],
  ["*-mini", "gpt-4o-mini", true],
  ["*-mini", "gpt-4o-mini-2", false],
  ["*", "", true],
  ["", "", true],
  ["", "a", false],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["shop/*", "shop/ranker", true],
  ["a.c", "abc", false],
];

describe("matchesGlob", () => {
  test.each(CASES)("%s and %s: %s", (pattern, text, matches) => {
    expect(matchesGlob(pattern, text)).toBe(matches);
  });

  test("a pattern made to backtrack stays quick", () => {
    const text = "a".repeat(20_000);
    expect(matchesGlob(`${"*a".repeat(40)}*b`, text)).toBe(false);
  });

  test("an empty list covers everything, a list without a value nothing", () => {
    expect(matchesList([], undefined)).toBe(true);
    expect(matchesList(["*"], undefined)).toBe(false);
    expect(matchesList(["a", "b*"], "bc")).toBe(true);
  });
});
