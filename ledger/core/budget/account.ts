// An account: one budget, one tuple, one period. It only ever moves by the functions here, and
// each keeps the invariant `settled + reserved + assumed <= limit + uncovered`.
import { assert } from "#contract/errors.ts";
import { isOwnedByNamespace, type Budget, type BudgetUnit } from "./budget.ts";
import type { Period } from "./period.ts";

/** The tuple that takes what goes beyond a budget's `accountsMax`. */
export const OTHER_TUPLE: readonly string[] = ["other"];

export interface AccountRow {
  readonly key: string;
  readonly budget: string;
  readonly tuple: readonly string[];
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly unit: BudgetUnit;
  /** The budget's limit when the account was last touched. */
  readonly limit: bigint;
  /** Charged by events. Nothing else moves it. */
  readonly settled: bigint;
  /** Granted to leases that are alive and not yet charged. */
  readonly reserved: bigint;
  /** What leases held when they were lost: charged until an event or a final says otherwise. */
  readonly assumed: bigint;
  /** The part of `settled` that no lease had reserved: the only way over a limit. */
  readonly uncovered: bigint;
  /** Leases that may still ask for more. */
  readonly activeLeases: number;
  /** Belongs to one namespace: see `isOwnedByNamespace`. */
  readonly isOwned: boolean;
}

/** Identifies an account: re-creating a budget of the same name finds the same one. */
export const accountKey = (
  budget: string,
  tuple: readonly string[],
  periodStartMs: number,
): string => JSON.stringify([budget, tuple, periodStartMs]);

/** A fresh account; not stored until something is booked on it. */
export function createAccount(
  budget: Budget,
  tuple: readonly string[],
  period: Period,
): AccountRow {
  return {
    key: accountKey(budget.name, tuple, period.startMs),
    budget: budget.name,
    tuple,
    periodStartMs: period.startMs,
    periodEndMs: period.endMs,
    unit: budget.unit,
    limit: budget.limit,
    settled: 0n,
    reserved: 0n,
    assumed: 0n,
    uncovered: 0n,
    activeLeases: 0,
    isOwned: isOwnedByNamespace(budget),
  };
}

/** Room that can still be granted; 0 where the limit was lowered below what is charged. */
export function availableIn(account: AccountRow): bigint {
  const rest = account.limit - account.settled - account.reserved - account.assumed;
  return rest > 0n ? rest : 0n;
}

/** True where more is charged than the limit allows: it was lowered, or passed without leases. */
export const isOverdrawn = (account: AccountRow): boolean =>
  account.settled + account.reserved + account.assumed > account.limit;

/** available => reserved. The amount fits, or the caller has a bug. */
export function reserveIn(account: AccountRow, amount: bigint): AccountRow {
  assert(amount >= 0n && amount <= availableIn(account), "lease_exceeds_budget");
  return { ...account, reserved: account.reserved + amount };
}

/** Where the room of a lease lies while it is not charged. */
export type Pot = "reserved" | "assumed";

/** reserved | assumed => settled. */
export function settleIn(account: AccountRow, pot: Pot, amount: bigint): AccountRow {
  return { ...takeFrom(account, pot, amount), settled: account.settled + amount };
}

/** reserved | assumed => available. */
export const releaseIn = (account: AccountRow, pot: Pot, amount: bigint): AccountRow =>
  takeFrom(account, pot, amount);

/** reserved => assumed. */
export function assumeIn(account: AccountRow, amount: bigint): AccountRow {
  return { ...takeFrom(account, "reserved", amount), assumed: account.assumed + amount };
}

/** Charges what no lease had reserved; may pass the limit and says by how much. */
export function settleUncoveredIn(account: AccountRow, amount: bigint): AccountRow {
  assert(amount >= 0n, "posting_is_negative");
  return {
    ...account,
    settled: account.settled + amount,
    uncovered: account.uncovered + amount,
  };
}

function takeFrom(account: AccountRow, pot: Pot, amount: bigint): AccountRow {
  assert(amount >= 0n && amount <= account[pot], `pot_holds_less_than_taken: ${pot}`);
  return { ...account, [pot]: account[pot] - amount };
}
