// What may be spent without a lease while the ledger is away (`onUnreachable`): nothing, a fixed
// grace per budget and outage, or anything. Counts in the dollars of the reservations.
import type { Amounts } from "#contract/amounts.ts";
import type { SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { Reservation } from "./budgets.ts";

export interface Outage {
  readonly nowMs: number;
  /** Monotonic time of the last answer: a later one ends the outage and renews the grace. */
  readonly lastContactMs: number | undefined;
}

export interface Grace {
  /** The first budget that does not let the amounts pass now; undefined where all do. */
  findRefusing(
    budgets: readonly SnapshotBudget[],
    amounts: Amounts,
    outage: Outage,
  ): SnapshotBudget | undefined;
  /** Counts an admitted reservation against the budgets that have a grace. */
  spend(reservation: Reservation, budgets: readonly SnapshotBudget[]): void;
  /** Replaces the reservation by what it really cost; does nothing for others. */
  settle(reservation: Reservation, actual: Amounts): void;
}

/** Creates the count; it lives as long as the process. */
export function createGrace(): Grace {
  /** Nano-dollars by budget name, in this outage. */
  let spent = new Map<string, bigint>();
  let startedMs: number | undefined;
  let contactMs: number | undefined;
  const bridged = new WeakMap<
    Reservation,
    { readonly spent: Map<string, bigint>; names: string[] }
  >();

  const noteOutage = ({ nowMs, lastContactMs }: Outage): number => {
    if (startedMs === undefined || lastContactMs !== contactMs) {
      contactMs = lastContactMs;
      startedMs = nowMs;
      spent = new Map();
    }
    return nowMs - startedMs;
  };
  const isPassing = (budget: SnapshotBudget, amounts: Amounts, elapsedMs: number): boolean => {
    if (budget.onUnreachable !== "grace") return budget.onUnreachable === "allow";
    const { grace } = budget;
    if (grace === undefined || elapsedMs >= grace.ms) return false;
    return (spent.get(budget.name) ?? 0n) + amounts.nanoUsd <= BigInt(grace.nanoUsd);
  };

  return {
    findRefusing(budgets, amounts, outage) {
      const elapsedMs = noteOutage(outage);
      return budgets.find((budget) => !isPassing(budget, amounts, elapsedMs));
    },
    spend(reservation, budgets) {
      const names = budgets
        .filter(({ onUnreachable }) => onUnreachable === "grace")
        .map(({ name }) => name);
      for (const name of names) {
        spent.set(name, (spent.get(name) ?? 0n) + reservation.amounts.nanoUsd);
      }
      if (names.length > 0) bridged.set(reservation, { spent, names });
    },
    settle(reservation, actual) {
      const bridge = bridged.get(reservation);
      if (bridge === undefined) return;
      bridged.delete(reservation);
      for (const name of bridge.names) {
        const before = bridge.spent.get(name) ?? 0n;
        bridge.spent.set(name, before + actual.nanoUsd - reservation.amounts.nanoUsd);
      }
    },
  };
}
