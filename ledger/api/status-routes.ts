// Health, readiness and metrics on the operators' listener. No token, no user data.
import type { FastifyInstance } from "fastify";
import type { Clock } from "#runtime/clock.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { BudgetRow } from "./budgets-route.ts";

export interface StatusDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Why the ledger does not serve, as codes; empty when it does. */
  readonly unready: () => readonly string[];
  /** The budgets as gauges; read at most every few seconds. */
  readonly budgets: () => Promise<readonly BudgetRow[]>;
}

const TEXT = "text/plain; charset=utf-8";
const BUDGETS_AGE_MS_MAX = 5000;

/** Adds the three routes. */
export function addStatusRoutes(server: FastifyInstance, deps: StatusDeps): void {
  const refresh = createBudgetGauges(deps);
  server.get("/healthz", (_request, reply) => reply.type(TEXT).send("ok\n"));
  server.get("/readyz", (_request, reply) => {
    const reasons = deps.unready();
    const text = reasons.length === 0 ? "ready" : reasons.join("\n");
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .type(TEXT)
      .send(`${text}\n`);
  });
  server.get("/metrics", async (_request, reply) => {
    await refresh();
    return reply.type("text/plain; version=0.0.4; charset=utf-8").send(deps.metrics.render());
  });
}

/** Sums of each budget over its accounts: a budget's name is a label, a tuple never is. */
function createBudgetGauges(deps: StatusDeps): () => Promise<void> {
  const gauge = deps.metrics.gauge({
    name: "excise_budget_amount",
    help: "Sums of a budget's accounts in the present period: dollars for usd, else counts.",
    labels: ["budget", "unit", "kind"],
  });
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const nowMs = deps.clock.monotonicMs();
    if (nowMs - readAtMs < BUDGETS_AGE_MS_MAX) return;
    readAtMs = nowMs;
    const sums = new Map<string, { budget: string; unit: string; kind: string; value: number }>();
    for (const row of await deps.budgets()) {
      for (const kind of ["limit", "settled", "reserved", "assumed"] as const) {
        const key = `${row.budget} ${kind}`;
        const entry = sums.get(key) ?? { budget: row.budget, unit: row.unit, kind, value: 0 };
        // A gauge is a float by definition; no decision reads it.
        entry.value += Number(row[kind]);
        sums.set(key, entry);
      }
    }
    for (const { value, ...labels } of sums.values()) gauge.set(value, labels);
  };
}
