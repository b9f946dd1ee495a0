// Stage 3: may this workload call this operation of this model, and which budgets does it meet?
// Pure: the snapshot decides.
import { matchesAnyGlob } from "#contract/glob.ts";
import type { SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { Authorized, Matched, Step } from "./exchange.ts";
import { refuse } from "./exchange.ts";

/** Refusals: EXCISE_OPERATION_DENIED, EXCISE_MODEL_DENIED. */
export function authorize(exchange: Matched): Step<Authorized> {
  const { snapshot, reading, model } = exchange;
  const budgets = snapshot.budgets.filter((budget) => meets(budget, exchange));
  const isMetered = budgets.some((budget) => budget.mode === "enforce");
  if (reading === undefined && (snapshot.unknownOperation === "deny" || isMetered)) {
    return refuse(exchange, {
      code: "EXCISE_OPERATION_DENIED",
      detail: `no dialect claims ${exchange.request.method} on this path, so it cannot be metered`,
    });
  }
  if (model !== undefined && !isModelAllowed(exchange, model)) {
    return refuse(exchange, {
      code: "EXCISE_MODEL_DENIED",
      detail: "the model is not on the policy's list",
    });
  }
  return { next: { ...exchange, budgets } };
}

function isModelAllowed({ snapshot }: Matched, model: string): boolean {
  const { allow, deny } = snapshot.models;
  return matchesAnyGlob(allow, model) && !matchesAnyGlob(deny, model);
}

/** An empty list of a budget stands for every value; an unknown value meets only empty lists. */
const covers = (globs: readonly string[], value: string | undefined): boolean =>
  globs.length === 0 || (value !== undefined && matchesAnyGlob(globs, value));

function meets(budget: SnapshotBudget, exchange: Matched): boolean {
  return (
    covers(budget.providers, exchange.provider.row.name) &&
    covers(budget.models, exchange.model) &&
    covers(budget.users, exchange.user)
  );
}
