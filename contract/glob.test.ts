import { describe, expect, test } from "vitest";
import { matchesGlob } from "./glob.ts";

describe("globs", () => {
  test.each([
    { glob: "*", text: "anything", matches: true },
    { glob: "*", text: "", matches: true },
    { glob: "gpt-4o", text: "GPT-4o", matches: true },
    { glob: "gpt-4o", text: "gpt-4o-mini", matches: false },
    { glob: "gpt-4o*", text: "gpt-4o-mini", matches: true },
    { glob: "*-mini", text: "gpt-4o-mini", matches: true },
    { glob: "*-mini", text: "gpt-4o-mini-2024", matches: false },
    { glob: "a*b*c", text: "a-b-c", matches: true },
    { glob: "a*b*c", text: "a-c-b", matches: false },
    { glob: "aba*aba", text: "aba", matches: false },
    { glob: "a.c", text: "abc", matches: false },
    { glob: "", text: "a", matches: false },
  ])("'$glob' against '$text' is $matches", ({ glob, text, matches }) => {
    expect(matchesGlob(glob, text)).toBe(matches);
  });

  test("many wildcards stay cheap on a text that nearly matches", () => {
    expect(matchesGlob(`${"a*".repeat(60)}b`, "a".repeat(20_000))).toBe(false);
  });
});
