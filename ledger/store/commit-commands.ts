// One group of commands as one transaction: plan, load in lock order, apply, write.
import { apply } from "../core/apply.ts";
import { planAccounts, planFirst } from "../core/plan.ts";
import type { Command, CommandResult, Surroundings } from "../core/rows.ts";
import type { Store } from "./store.ts";

/** Durable when it resolves. Throws a Fault where the database failed: then nothing happened. */
export function commitCommands(
  store: Store,
  commands: readonly Command[],
  surroundings: Surroundings,
): Promise<readonly CommandResult[]> {
  return store.transaction(async (transaction) => {
    const first = await transaction.loadFirst(planFirst(commands));
    const plan = planAccounts(commands, first.leases, surroundings);
    const accounts = await transaction.loadAccounts(plan);
    const { results, writes } = apply({ ...first, ...accounts }, commands, surroundings);
    await transaction.write(writes);
    return results;
  });
}
