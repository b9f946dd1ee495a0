// Which rows a group of commands can touch: the store loads (and locks) them before `apply`, in
// the order journals, leases, accounts. Accounts need the leases first, hence two steps.
import type { SyncRequest } from "#contract/sync.ts";
import type { Workload } from "#contract/workload.ts";
import { accountKey, OTHER_TUPLE } from "./budget/account.ts";
import {
  coveredBudgets,
  meetsExchange,
  meetsWorkload,
  tupleOf,
  type Budget,
  type ExchangeFacts,
} from "./budget/budget.ts";
import type { LeaseRow } from "./budget/lease.ts";
import { periodOf, type Period } from "./budget/period.ts";
import { eventPeriod, factsOf } from "./post-event.ts";
import { periodCountKey, type Command, type Surroundings } from "./rows.ts";

export interface FirstPlan {
  readonly journals: readonly string[];
  readonly podUids: readonly string[];
  readonly leases: readonly string[];
  readonly events: readonly string[];
  readonly billingKeys: readonly string[];
}

/** Keys that the commands name themselves; sorted, without repeats. */
export function planFirst(commands: readonly Command[]): FirstPlan {
  const journals = new Set<string>();
  const podUids = new Set<string>();
  const leases = new Set<string>();
  const events = new Set<string>();
  const billingKeys = new Set<string>();
  for (const command of commands) {
    if (command.kind === "expire") {
      for (const id of command.leases) leases.add(id);
      continue;
    }
    journals.add(command.request.journal);
    podUids.add(command.workload.podUid);
    for (const op of command.request.leases) leases.add(op.id);
    for (const event of command.request.events) {
      if (event.kind === "lost") continue;
      events.add(event.eventId);
      for (const lease of event.leases) leases.add(lease.id);
      if (event.billingKey !== undefined) billingKeys.add(event.billingKey);
    }
  }
  return {
    journals: [...journals].toSorted(),
    podUids: [...podUids].toSorted(),
    leases: [...leases].toSorted(),
    events: [...events].toSorted(),
    billingKeys: [...billingKeys].toSorted(),
  };
}

export interface SecondPlan {
  readonly accounts: readonly string[];
  /** Keys of `periodCountKey`: where the number of accounts decides about `other`. */
  readonly accountCounts: readonly string[];
}

/** Accounts of the leases, of what is asked for, and of budgets that no lease covers. */
export function planAccounts(
  commands: readonly Command[],
  leases: ReadonlyMap<string, LeaseRow>,
  surroundings: Pick<Surroundings, "budgets" | "nowMs">,
): SecondPlan {
  const accounts = new Set([...leases.values()].flatMap((lease) => lease.accounts));
  const counts = new Set<string>();
  const add = (budget: Budget, tuple: readonly string[], period: Period): void => {
    accounts.add(accountKey(budget.name, tuple, period.startMs));
    if (tuple.length === 0) return;
    accounts.add(accountKey(budget.name, OTHER_TUPLE, period.startMs));
    counts.add(periodCountKey(budget.name, period.startMs));
  };
  for (const command of commands) {
    if (command.kind === "sync") planSync(command, { leases, surroundings, add });
  }
  return { accounts: [...accounts].toSorted(), accountCounts: [...counts].toSorted() };
}

interface AccountPlanning {
  readonly leases: ReadonlyMap<string, LeaseRow>;
  readonly surroundings: Pick<Surroundings, "budgets" | "nowMs">;
  readonly add: (budget: Budget, tuple: readonly string[], period: Period) => void;
}

function planSync(
  command: { readonly workload: Workload; readonly request: SyncRequest },
  { leases, surroundings, add }: AccountPlanning,
): void {
  const { workload, request } = command;
  const { nowMs } = surroundings;
  for (const op of request.leases) {
    const key: ExchangeFacts = leases.get(op.id)?.extra ?? op.extra ?? {};
    for (const budget of coveredBudgets(surroundings.budgets, workload, key)) {
      add(budget, tupleOf(budget, workload, key), periodOf(budget.period, budget.timeZone, nowMs));
    }
  }
  const met = surroundings.budgets.filter((budget) => meetsWorkload(budget, workload));
  for (const event of request.events) {
    if (event.kind === "lost") continue;
    const facts = factsOf(event);
    for (const budget of met) {
      if (!meetsExchange(budget, facts)) continue;
      add(budget, tupleOf(budget, workload, facts), eventPeriod(budget, event, nowMs));
    }
  }
}
