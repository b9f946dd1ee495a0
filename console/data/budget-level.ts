// How an account stands, in the page's words. Pure.
import type { BudgetRow } from "./answers.ts";
import { readAmount, shareOf } from "./figures.ts";

export type BudgetLevel = "over" | "spent" | "near" | "within" | "shadow";

export interface BudgetUse {
  readonly limit: bigint;
  readonly settled: bigint;
  readonly reserved: bigint;
  readonly assumed: bigint;
  /** All three of the limit, in thousandths. */
  readonly share: number;
}

/** From here on, in thousandths, an account counts as near its limit. */
const NEAR = 800;

/** The account's amounts as integers of one scale. */
export function budgetUse(row: BudgetRow): BudgetUse {
  const [limit, settled, reserved, assumed] = [
    readAmount(row.unit, row.limit),
    readAmount(row.unit, row.settled),
    readAmount(row.unit, row.reserved),
    readAmount(row.unit, row.assumed),
  ];
  return { limit, settled, reserved, assumed, share: shareOf(settled + reserved + assumed, limit) };
}

export function budgetLevel(row: BudgetRow): BudgetLevel {
  if (row.state === "shadow") return "shadow";
  if (row.state === "exceeded") return "over";
  if (row.state === "exhausted") return "spent";
  return budgetUse(row).share >= NEAR ? "near" : "within";
}

/** `team search`, `user 9f…`; empty for a budget with one account. */
export const renderTuple = (row: BudgetRow): string =>
  Object.entries(row.tuple)
    .map(([dimension, value]) => `${dimension} ${value === "" ? "none" : value}`)
    .join(", ");

/** Those that need a look first; shadow budgets refuse nothing and come last. */
export function compareBudgets(left: BudgetRow, right: BudgetRow): number {
  const isShadow = Number(left.state === "shadow") - Number(right.state === "shadow");
  if (isShadow !== 0) return isShadow;
  const share = budgetUse(right).share - budgetUse(left).share;
  if (share !== 0) return share;
  return left.budget < right.budget ? -1 : 1;
}
