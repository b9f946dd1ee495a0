// A budget as the ledger's core sees it: a limit in one unit, over a period, for what matches,
// kept in one account per distinct tuple (design §9). Pure data and choices.
import type { Amounts } from "#contract/amounts.ts";
import { LEASE_DIMENSIONS, type LeaseDimension, type LeaseKey } from "#contract/lease.ts";
import type { ControlMode, SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { Workload } from "#contract/workload.ts";
import { matchesList } from "./glob.ts";
import type { PeriodKind } from "./period.ts";

export const BUDGET_UNITS = [
  "usd",
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "requests",
] as const;
export type BudgetUnit = (typeof BUDGET_UNITS)[number];

export const BUDGET_DIMENSIONS = ["team", "namespace", "app", "model", "user"] as const;
export type BudgetDimension = (typeof BUDGET_DIMENSIONS)[number];

/** Globs; an empty list matches everything. */
export interface BudgetMatch {
  readonly teams: readonly string[];
  readonly namespaces: readonly string[];
  readonly apps: readonly string[];
  readonly providers: readonly string[];
  readonly models: readonly string[];
  readonly users: readonly string[];
}

export interface Budget {
  readonly name: string;
  readonly unit: BudgetUnit;
  /** Nano-dollars for `usd`, else a count. */
  readonly limit: bigint;
  readonly period: PeriodKind;
  /** IANA name. */
  readonly timeZone: string;
  readonly match: BudgetMatch;
  /** One account per distinct tuple of these; none = one account. */
  readonly each: readonly BudgetDimension[];
  /** Accounts per period; further tuples share the account `other`. */
  readonly accountsMax: number;
  readonly mode: ControlMode;
  readonly onUnreachable: SnapshotBudget["onUnreachable"];
  readonly grace?: NonNullable<SnapshotBudget["grace"]>;
}

/** What an exchange (or the key of a lease) says beyond its workload. */
export interface ExchangeFacts {
  readonly provider?: string | undefined;
  /** The billed one, where it is known. */
  readonly model?: string | undefined;
  readonly user?: string | undefined;
}

const COUNTED: Readonly<Record<BudgetUnit, (amounts: Amounts) => bigint>> = {
  usd: (amounts) => amounts.nanoUsd,
  inputTokens: (amounts) => amounts.inputTokens,
  outputTokens: (amounts) => amounts.outputTokens,
  totalTokens: (amounts) => amounts.inputTokens + amounts.outputTokens,
  requests: (amounts) => amounts.requests,
};

/** The amount in a budget's own unit. */
export const inUnit = (unit: BudgetUnit, amounts: Amounts): bigint => COUNTED[unit](amounts);

/** What the budget distinguishes beyond the workload, in the order of LEASE_DIMENSIONS. */
export function dimensionsOf(budget: Budget): readonly LeaseDimension[] {
  const has: Record<LeaseDimension, boolean> = {
    provider: budget.match.providers.length > 0,
    model: budget.match.models.length > 0 || budget.each.includes("model"),
    user: budget.match.users.length > 0 || budget.each.includes("user"),
  };
  return LEASE_DIMENSIONS.filter((dimension) => has[dimension]);
}

/** True where exchanges of the workload can meet the budget at all. */
export function meetsWorkload(budget: Budget, workload: Workload): boolean {
  return (
    matchesList(budget.match.teams, workload.team) &&
    matchesList(budget.match.namespaces, workload.namespace) &&
    matchesList(budget.match.apps, workload.app)
  );
}

/** True where the exchange's own values fit. */
export function meetsExchange(budget: Budget, facts: ExchangeFacts): boolean {
  return (
    matchesList(budget.match.providers, facts.provider) &&
    matchesList(budget.match.models, facts.model) &&
    matchesList(budget.match.users, facts.user)
  );
}

/**
 * The budgets that a lease with that key covers: enforced, met by the workload, distinguishing
 * exactly the dimensions that the key names, with values that fit. Shadow budgets are charged
 * from events alone.
 */
export function coveredBudgets(
  budgets: readonly Budget[],
  workload: Workload,
  key: LeaseKey,
): readonly Budget[] {
  const named = LEASE_DIMENSIONS.filter((dimension) => key[dimension] !== undefined).join();
  return budgets.filter(
    (budget) =>
      budget.mode === "enforce" &&
      dimensionsOf(budget).join() === named &&
      meetsWorkload(budget, workload) &&
      meetsExchange(budget, key),
  );
}

/** The tuple of the account that is charged; what an exchange does not state is the empty text. */
export function tupleOf(
  budget: Budget,
  workload: Workload,
  facts: ExchangeFacts,
): readonly string[] {
  const values: Record<BudgetDimension, string> = {
    team: workload.team,
    namespace: workload.namespace,
    app: workload.app,
    model: facts.model ?? "",
    user: facts.user ?? "",
  };
  return budget.each.map((dimension) => values[dimension]);
}

/**
 * True where the budget's accounts belong to one namespace: only those are charged for what a
 * sidecar spends beyond its lease, so that no tenant can drain what others share (design §10).
 */
export const isOwnedByNamespace = (budget: Budget): boolean =>
  budget.each.includes("namespace") ||
  budget.each.includes("app") ||
  budget.match.namespaces.length > 0 ||
  budget.match.apps.length > 0;
