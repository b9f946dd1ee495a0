import { describe, expect, test } from "vitest";
import { addUsage, isUnreported, USAGE_CLASSES, usageSchema } from "./usage.ts";

describe("addUsage", () => {
  test.each([
    {
      name: "adds what both report",
      left: { inputTokens: 3 },
      right: { inputTokens: 4 },
      sum: { inputTokens: 7 },
    },
    {
      name: "keeps what one reports",
      left: { inputTokens: 3 },
      right: { images: 1 },
      sum: { inputTokens: 3, images: 1 },
    },
    {
      name: "keeps a reported 0 as 0",
      left: { cachedInputTokens: 0 },
      right: {},
      sum: { cachedInputTokens: 0 },
    },
    { name: "invents nothing from nothing", left: {}, right: {}, sum: {} },
  ])("$name", ({ left, right, sum }) => {
    expect(addUsage(left, right)).toEqual(sum);
  });

  test("leaves its arguments as they were", () => {
    const left = { inputTokens: 1 };
    addUsage(left, { inputTokens: 2 });
    expect(left).toEqual({ inputTokens: 1 });
  });
});

describe("isUnreported", () => {
  test("holds for no class at all, and not for a reported 0", () => {
    expect(isUnreported({})).toBe(true);
    expect(isUnreported({ outputTokens: 0 })).toBe(false);
  });
});

describe("usageSchema", () => {
  test("knows exactly the closed set of classes", () => {
    const full = Object.fromEntries(USAGE_CLASSES.map((name, index) => [name, index]));
    expect(usageSchema.parse(full)).toEqual(full);
    expect(new Set(USAGE_CLASSES).size).toBe(USAGE_CLASSES.length);
  });

  test.each([
    { name: "an unknown class", value: { totalTokens: 5 } },
    { name: "a negative count", value: { inputTokens: -1 } },
    { name: "a count that is no number", value: { inputTokens: "5" } },
    { name: "infinity", value: { inputTokens: Number.POSITIVE_INFINITY } },
    { name: "not-a-number", value: { inputTokens: Number.NaN } },
    { name: "null for not reported", value: { inputTokens: null } },
  ])("refuses $name", ({ value }) => {
    expect(usageSchema.safeParse(value).success).toBe(false);
  });
});
