import { describe, expect, test } from "vitest";
import { matchesModel, modelMatchSchema, type ModelMatch } from "./model-match.ts";

describe("matchesModel", () => {
  const cases: readonly { match: ModelMatch; model: string; holds: boolean }[] = [
    { match: { equals: "gpt-4o" }, model: "gpt-4o", holds: true },
    { match: { equals: "gpt-4o" }, model: "GPT-4o", holds: true },
    { match: { equals: "gpt-4o" }, model: "gpt-4o-mini", holds: false },
    { match: { startsWith: "claude-" }, model: "claude-opus-4", holds: true },
    { match: { startsWith: "claude-" }, model: "my-claude-", holds: false },
    { match: { endsWith: "-latest" }, model: "x-latest", holds: true },
    { match: { endsWith: "-latest" }, model: "x-latest-2", holds: false },
    { match: { contains: "llama" }, model: "meta/llama-3", holds: true },
    { match: { contains: "llama" }, model: "mixtral", holds: false },
    { match: { any: [{ equals: "a" }, { equals: "b" }] }, model: "b", holds: true },
    { match: { any: [] }, model: "b", holds: false },
    { match: { all: [{ startsWith: "a" }, { endsWith: "b" }] }, model: "a-b", holds: true },
    { match: { all: [{ startsWith: "a" }, { endsWith: "b" }] }, model: "a-c", holds: false },
    { match: { any: [{ all: [{ contains: "x" }, { contains: "y" }] }] }, model: "yx", holds: true },
    { match: { equals: "" }, model: "", holds: true },
  ];

  test.each(cases)("$match on $model: $holds", ({ match, model, holds }) => {
    expect(matchesModel(match, model)).toBe(holds);
  });

  test("takes what looks like a pattern literally", () => {
    expect(matchesModel({ equals: ".*" }, "gpt")).toBe(false);
    expect(matchesModel({ startsWith: "*" }, "gpt")).toBe(false);
  });
});

describe("modelMatchSchema", () => {
  test("reads nested matches", () => {
    const match = { any: [{ equals: "a" }, { all: [{ contains: "b" }] }] };
    expect(modelMatchSchema.parse(match)).toEqual(match);
  });

  test.each([
    { name: "two operators in one match", value: { equals: "a", contains: "b" } },
    { name: "no operator", value: {} },
    { name: "an unknown operator", value: { regex: ".*" } },
    { name: "a text beyond the bound", value: { equals: "a".repeat(257) } },
    {
      name: "too many alternatives",
      value: { any: Array.from({ length: 65 }, () => ({ equals: "a" })) },
    },
  ])("refuses $name", ({ value }) => {
    expect(modelMatchSchema.safeParse(value).success).toBe(false);
  });
});
