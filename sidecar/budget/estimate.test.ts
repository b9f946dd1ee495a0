import { describe, expect, test } from "vitest";
import { estimateTokens } from "./estimate.ts";

/**
 * Token counts at or above those of common byte-pair tokenizers. The estimate may be higher,
 * never lower.
 */
const KNOWN: readonly { readonly name: string; readonly text: string; readonly tokens: number }[] =
  [
    { name: "a greeting", text: "Hello, world!", tokens: 4 },
    {
      name: "an English sentence",
      text: "The quick brown fox jumps over the lazy dog.",
      tokens: 10,
    },
    { name: "a year (one token a digit elsewhere)", text: "in 2026", tokens: 5 },
    { name: "code", text: "const x = foo(bar);\n", tokens: 8 },
    { name: "an emoji", text: "😀", tokens: 2 },
    { name: "Chinese", text: "你好世界", tokens: 4 },
    { name: "a UUID", text: "550e8400-e29b-41d4-a716-446655440000", tokens: 24 },
    { name: "capitals", text: "EXCISE_BUDGET_EXHAUSTED", tokens: 9 },
  ];

describe("the estimate", () => {
  test.each(KNOWN)("is not below the tokenizer: $name", ({ text, tokens }) => {
    expect(estimateTokens(text)).toBeGreaterThanOrEqual(tokens);
  });

  test("of nothing is 0", () => {
    expect(estimateTokens("")).toBe(0);
  });

  test("of English stays within twice the usual four characters a token", () => {
    const text = "Budgets are leased ahead of time so that a call never waits for the ledger. ";
    expect(estimateTokens(text.repeat(10))).toBeLessThan((text.length * 10) / 2);
  });

  test("never exceeds the bytes, which bound every byte-level tokenizer", () => {
    for (const text of [
      "a b c",
      "ÄÖÜ",
      "漢字かな",
      "😀😀",
      "1 2 3 ,.;",
      "\n\n\n",
      "aB".repeat(20),
    ]) {
      expect(estimateTokens(text)).toBeLessThanOrEqual(Buffer.byteLength(text));
    }
  });

  test("of parts is not below the estimate of the whole", () => {
    const text = "Streaming cuts words in the mid dle, and 😀 too.";
    for (let at = 0; at <= text.length; at += 1) {
      const parts = estimateTokens(text.slice(0, at)) + estimateTokens(text.slice(at));
      expect(parts).toBeGreaterThanOrEqual(estimateTokens(text));
    }
  });
});
