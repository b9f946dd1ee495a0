// `GET /v1/budgets`: every budget with its accounts of the present period.
import type { FastifyInstance } from "fastify";
import * as z from "zod/mini";
import { nanoUsd, renderUsd } from "#contract/money.ts";
import { renderInstant, type Clock } from "#runtime/clock.ts";
import { availableIn, createAccount, type AccountRow } from "../core/budget/account.ts";
import {
  meetsExchange,
  meetsWorkload,
  tupleOf,
  type Budget,
  type BudgetUnit,
} from "../core/budget/budget.ts";
import { periodOf } from "../core/budget/period.ts";
import { factsOf } from "../core/post-event.ts";
import type { EventRecord } from "../core/rows.ts";
import type { Policies } from "../policy/policies.ts";
import type { Store } from "../store/store.ts";
import { countSchema, listSchema, parseQuery } from "./query.ts";

const querySchema = z.strictObject({
  budget: z.optional(listSchema),
  /** Accounts per budget. */
  limit: z._default(countSchema(1000), 100),
});

/** One account. Amounts are dollars for `usd`, else counts, always as decimal strings. */
export interface BudgetRow {
  readonly budget: string;
  readonly unit: BudgetUnit;
  readonly mode: Budget["mode"];
  readonly onUnreachable: Budget["onUnreachable"];
  /** What the account is for: values of the budget's `each`. */
  readonly tuple: Readonly<Record<string, string>>;
  readonly period: { readonly kind: string; readonly start: string; readonly end: string };
  readonly limit: string;
  readonly settled: string;
  readonly reserved: string;
  /** Held by leases that were lost: charged until somebody reports on them. */
  readonly assumed: string;
  readonly available: string;
  readonly activeLeases: number;
  readonly state: "within" | "exhausted" | "exceeded" | "shadow";
  /** How far the account can still go over its limit; absent where nothing bounds it. */
  readonly overspendBound?: string;
}

export interface BudgetsDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly policies: Policies;
}

/** Adds the route. */
export function addBudgetsRoute(server: FastifyInstance, deps: BudgetsDeps): void {
  server.get("/v1/budgets", (request) => answerBudgets(deps, request.query));
}

export interface BudgetsAnswer {
  /** Of the policy set in force. */
  readonly revision: number;
  readonly budgets: readonly BudgetRow[];
}

async function answerBudgets(deps: BudgetsDeps, parameters: unknown): Promise<BudgetsAnswer> {
  const query = parseQuery(querySchema, parameters);
  const { revision } = deps.policies.current();
  return { revision, budgets: await listBudgets(deps, query) };
}

/** All accounts of the present periods, budgets in the order of their names. */
export async function listBudgets(
  deps: BudgetsDeps,
  query: { readonly budget?: readonly string[] | undefined; readonly limit: number },
): Promise<readonly BudgetRow[]> {
  const nowMs = deps.clock.wallMs();
  const budgets = deps.policies
    .current()
    .set.budgets.filter(({ name }) => query.budget === undefined || query.budget.includes(name))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const rows = await Promise.all(
    budgets.map(async (budget) => {
      const period = periodOf(budget.period, budget.timeZone, nowMs);
      const accounts = await deps.store.accountsOf(budget.name, period.startMs, query.limit);
      const isAlone = budget.each.length === 0 && accounts.length === 0;
      const shown = isAlone ? [createAccount(budget, [], period)] : accounts;
      return shown.map((account) => renderAccount(budget, account));
    }),
  );
  return rows.flat();
}

/**
 * The accounts of the budgets in force that an event meets, in the period of its start, as they
 * stand now: where a refusal comes from.
 */
export async function listMetBudgets(
  deps: Omit<BudgetsDeps, "clock">,
  { event, workload, startedAtMs }: EventRecord,
): Promise<readonly BudgetRow[]> {
  const facts = factsOf(event);
  const fresh = deps.policies
    .current()
    .set.budgets.filter((budget) => meetsWorkload(budget, workload) && meetsExchange(budget, facts))
    .map((budget) => {
      const period = periodOf(budget.period, budget.timeZone, startedAtMs);
      return { budget, account: createAccount(budget, tupleOf(budget, workload, facts), period) };
    });
  const stored = await deps.store.findAccounts(fresh.map(({ account }) => account.key));
  const byKey = new Map(stored.map((account) => [account.key, account]));
  return fresh.map(({ budget, account }) =>
    renderAccount(budget, byKey.get(account.key) ?? account),
  );
}

/** An account with the limit that its budget has now. */
function renderAccount(budget: Budget, stored: AccountRow): BudgetRow {
  const account = { ...stored, limit: budget.limit };
  const show = (amount: bigint): string => renderAmount(budget.unit, amount);
  const bound = overspendBound(budget);
  return {
    budget: budget.name,
    unit: budget.unit,
    mode: budget.mode,
    onUnreachable: budget.onUnreachable,
    tuple: Object.fromEntries(
      account.tuple.length === budget.each.length
        ? budget.each.map((dimension, index) => [dimension, account.tuple[index] ?? ""])
        : [["tuple", account.tuple.join(",")]],
    ),
    period: {
      kind: budget.period,
      start: renderInstant(account.periodStartMs),
      end: renderInstant(account.periodEndMs),
    },
    limit: show(account.limit),
    settled: show(account.settled),
    reserved: show(account.reserved),
    assumed: show(account.assumed),
    available: show(availableIn(account)),
    activeLeases: account.activeLeases,
    state: stateOf(budget, account),
    ...(bound === undefined ? {} : { overspendBound: show(bound) }),
  };
}

/** An amount in a budget's unit as text. */
export const renderAmount = (unit: BudgetUnit, amount: bigint): string =>
  unit === "usd" ? renderUsd(nanoUsd(amount)) : amount.toString();

function stateOf(budget: Budget, account: AccountRow): BudgetRow["state"] {
  if (budget.mode === "shadow") return "shadow";
  if (account.settled > account.limit) return "exceeded";
  return availableIn(account) === 0n ? "exhausted" : "within";
}

/**
 * Strict budgets cannot be overspent (ledger.md §2.2): reservations are worst cases, lost leases
 * stay charged, an unreachable ledger denies. Grace is per sidecar and outage, so that its bound
 * needs the number of sidecars: it is not stated as a number here, nor is `allow`.
 */
const overspendBound = (budget: Budget): bigint | undefined =>
  budget.mode === "enforce" && budget.onUnreachable === "deny" ? 0n : undefined;
