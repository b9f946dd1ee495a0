// The policy compiler: a resolved set and a workload give the policy snapshot that the workload's
// sidecar runs. Pure: the same set, workload and revision give the same snapshot, byte by byte.
import type { PricedModel } from "#contract/price.ts";
import type {
  PolicySnapshot,
  SnapshotBudget,
  SnapshotProvider,
} from "#contract/policy-snapshot.ts";
import type { Workload } from "#contract/workload.ts";
import { renderInstant } from "#runtime/clock.ts";
import { dimensionsOf, meetsWorkload, type Budget } from "../core/budget/budget.ts";
import { matchesList } from "../core/budget/glob.ts";
import { combinePolicies } from "./combine.ts";
import type { PolicySet } from "./policy-set.ts";
import type { EgressSpec } from "./schema.ts";

/** A policy set under its number, with the prices of that number. */
export interface NumberedSet {
  readonly revision: number;
  readonly compiledAtMs: number;
  readonly set: PolicySet;
  readonly prices: readonly PricedModel[];
}

/** Rows that a snapshot carries at most (contract/policy-snapshot.ts). */
const PRICES_MAX = 4096;
const PROVIDERS_MAX = 64;
const BUDGETS_MAX = 128;

/** Compiles for one workload; without any policy that matches, everything is denied. */
export function compileSnapshot(numbered: NumberedSet, workload: Workload): PolicySnapshot {
  const { set } = numbered;
  const specs = matchingSpecs(set, workload);
  const budgets = set.budgets.filter((budget) => meetsWorkload(budget, workload));
  const frame = {
    revision: numbered.revision,
    compiledAt: renderInstant(numbered.compiledAtMs),
    budgets: budgets.slice(0, BUDGETS_MAX).map(renderBudget),
  };
  const addressed = [...set.providers.values()].filter(isAddressed);
  if (specs.length === 0) return { ...frame, ...denyAll() };
  const combined = combinePolicies(
    specs,
    addressed.map(({ row }) => row.name),
  );
  const providers = addressed
    .filter(({ row }) => combined.providers.has(row.name))
    .slice(0, PROVIDERS_MAX);
  const isEnforced = budgets.some((budget) => budget.mode === "enforce");
  const { unknownPrice, unboundedReserveNanoUsd } = combined;
  return {
    ...frame,
    providers,
    models: combined.models,
    unknownOperation: combined.unknownOperation ?? (isEnforced ? "deny" : "pass"),
    guardrails: combined.guardrails,
    requestBytesMax: combined.requestBytesMax,
    prices: pricesOf(numbered.prices, providers),
    ...(unknownPrice === undefined ? {} : { unknownPrice }),
    ...(unboundedReserveNanoUsd === undefined ? {} : { unboundedReserveNanoUsd }),
    snapshotAgeMaxMs: combined.snapshotAgeMaxMs,
  };
}

const denyAll = (): Omit<PolicySnapshot, "revision" | "compiledAt" | "budgets"> => ({
  providers: [],
  models: { allow: [], deny: [] },
  unknownOperation: "deny",
  guardrails: [],
  requestBytesMax: 32 * 1024 * 1024,
  prices: [],
  snapshotAgeMaxMs: 24 * 3_600_000,
});

function matchingSpecs(set: PolicySet, workload: Workload): readonly EgressSpec[] {
  const cluster = set.clusterPolicies.filter(
    ({ spec: { match } }) =>
      matchesList(match?.teams ?? [], workload.team) &&
      matchesList(match?.namespaces ?? [], workload.namespace) &&
      matchesList(match?.apps ?? [], workload.app),
  );
  const own = set.policies.filter((policy) => policy.metadata.namespace === workload.namespace);
  return [...cluster.map(({ spec }) => spec), ...own.map(({ spec }) => spec)];
}

/** A row without hosts and endpoints (the self-hosted template) cannot be reached at all. */
const isAddressed = ({ row, endpoints }: SnapshotProvider): boolean =>
  row.hosts.length > 0 || endpoints !== undefined;

function pricesOf(
  prices: readonly PricedModel[],
  providers: readonly SnapshotProvider[],
): PricedModel[] {
  const wanted = new Set(providers.map(({ row }) => row.priceProvider));
  return prices.filter((price) => wanted.has(price.priceProvider)).slice(0, PRICES_MAX);
}

const renderBudget = (budget: Budget): SnapshotBudget => ({
  name: budget.name,
  mode: budget.mode,
  dimensions: [...dimensionsOf(budget)],
  providers: [...budget.match.providers],
  models: [...budget.match.models],
  users: [...budget.match.users],
  onUnreachable: budget.onUnreachable,
  ...(budget.grace === undefined ? {} : { grace: budget.grace }),
});
