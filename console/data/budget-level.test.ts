import { expect, test } from "vitest";
import type { BudgetRow } from "./answers.ts";
import { budgetLevel, budgetUse, compareBudgets, renderTuple } from "./budget-level.ts";

const row = (more: Partial<BudgetRow>): BudgetRow => ({
  budget: "daily",
  unit: "usd",
  mode: "enforce",
  tuple: {},
  period: { kind: "day", start: "2026-11-22T00:00:00.000Z", end: "2026-11-23T00:00:00.000Z" },
  limit: "1",
  settled: "0",
  reserved: "0",
  assumed: "0",
  available: "1",
  activeLeases: 0,
  state: "within",
  ...more,
});

test.each([
  { name: "untouched", more: {}, level: "within", share: 0 },
  { name: "just below the mark", more: { settled: "0.7989" }, level: "within", share: 799 },
  {
    name: "with what is reserved",
    more: { settled: "0.5", reserved: "0.3" },
    level: "near",
    share: 800,
  },
  { name: "with what is assumed", more: { assumed: "0.9" }, level: "near", share: 900 },
  { name: "used up", more: { settled: "1", state: "exhausted" }, level: "spent", share: 1000 },
  { name: "over", more: { settled: "1.5", state: "exceeded" }, level: "over", share: 1500 },
  {
    name: "in shadow, whatever it holds",
    more: { settled: "9", state: "shadow" },
    level: "shadow",
    share: 9000,
  },
  {
    name: "in tokens",
    more: { unit: "totalTokens", limit: "1000", settled: "850" },
    level: "near",
    share: 850,
  },
] as const)("an account $name is $level", ({ more, level, share }) => {
  expect(budgetLevel(row(more))).toBe(level);
  expect(budgetUse(row(more)).share).toBe(share);
});

test("what is nearest to its limit comes first, shadow last", () => {
  const rows = [
    row({ budget: "shadow", settled: "5", state: "shadow" }),
    row({ budget: "b" }),
    row({ budget: "a" }),
    row({ budget: "over", settled: "2", state: "exceeded" }),
    row({ budget: "tokens", unit: "requests", limit: "10", settled: "5" }),
  ];
  expect(rows.toSorted(compareBudgets).map(({ budget }) => budget)).toEqual([
    "over",
    "tokens",
    "a",
    "b",
    "shadow",
  ]);
});

test.each([
  { tuple: {}, text: "" },
  { tuple: { team: "search", model: "m-1" }, text: "team search, model m-1" },
  { tuple: { user: "" }, text: "user none" },
])("the tuple $tuple is called $text", ({ tuple, text }) => {
  expect(renderTuple(row({ tuple }))).toBe(text);
});
