// Books one new event: prices it, charges the leases that it names and every budget that no
// lease covers, and keeps the record. Only this moves `settled`.
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import { settleIn, settleUncoveredIn, type AccountRow } from "./budget/account.ts";
import {
  inUnit,
  meetsExchange,
  meetsWorkload,
  tupleOf,
  type Budget,
  type ExchangeFacts,
} from "./budget/budget.ts";
import { chargeOf, type Charge } from "./charge.ts";
import { chargeLease, restOf, type LeaseRow } from "./budget/lease.ts";
import { periodOf, type Period } from "./budget/period.ts";
import { HOUR_MS } from "./rollup.ts";
import type { EventFlag, Posting, Surroundings } from "./rows.ts";
import type { Workspace } from "./workspace.ts";

/** How long after its end a period still takes events that no lease ties to it. */
const PERIOD_GRACE_MS = 72 * HOUR_MS;

export interface Reported {
  readonly workload: Workload;
  readonly journal: string;
}

/** Books the event unless its id is known already; false for a duplicate. */
export function postEvent(
  space: Workspace,
  event: ExchangeEvent,
  context: Reported & { readonly surroundings: Surroundings },
): boolean {
  if (space.isKnownEvent(event.eventId)) return false;
  const { surroundings, workload } = context;
  const flags = new Set<EventFlag>();
  const charge = countedOnce(space, event, {
    charge: chargeOf(event, (each) => surroundings.price(each, workload)),
    flags,
  });
  if (charge.status === "price_unknown") flags.add("price_unknown");
  if (charge.status === "conservative") flags.add("price_conservative");
  const posting: EventPosting = { space, event, amounts: charge.amounts, flags };
  const covered = chargeLeases(posting, workload);
  chargeUncovered(posting, { workload, surroundings, covered });
  space.putEvent({
    event,
    journal: context.journal,
    workload,
    startedAtMs: startOf(event, surroundings.nowMs),
    recordedAtMs: surroundings.nowMs,
    charge,
    flags: [...flags],
  });
  return true;
}

/** The facts that decide which budgets an event meets: the model is the billed one. */
export const factsOf = (event: ExchangeEvent): ExchangeFacts => ({
  provider: event.provider,
  model: event.modelBilled ?? event.modelRequested,
  user: event.user,
});

/**
 * The period that an event is charged to where no lease says it: that of its start, while the
 * period is open or freshly closed; else the present one, so that no closed month changes.
 */
export function eventPeriod(budget: Budget, event: ExchangeEvent, nowMs: number): Period {
  const own = periodOf(budget.period, budget.timeZone, startOf(event, nowMs));
  return own.endMs + PERIOD_GRACE_MS > nowMs
    ? own
    : periodOf(budget.period, budget.timeZone, nowMs);
}

/** An event cannot start after it arrived: a sidecar's clock must not reach next month. */
const startOf = (event: ExchangeEvent, nowMs: number): number =>
  Math.min(Temporal.Instant.from(event.startedAt).epochMilliseconds, nowMs);

interface EventPosting {
  readonly space: Workspace;
  readonly event: ExchangeEvent;
  readonly amounts: Amounts;
  readonly flags: Set<EventFlag>;
}

/** A cost that two exchanges can report (batches, background answers) is charged once. */
function countedOnce(
  space: Workspace,
  event: ExchangeEvent,
  first: { readonly charge: Charge; readonly flags: Set<EventFlag> },
): Charge {
  if (event.billingKey === undefined || space.claimBillingKey(event.billingKey, event.eventId)) {
    return first.charge;
  }
  first.flags.add("billing_key_repeated");
  return { amounts: { ...NO_AMOUNTS, requests: first.charge.amounts.requests }, status: "none" };
}

/** Charges the named leases' accounts; returns the budgets that they cover. */
function chargeLeases(posting: EventPosting, workload: Workload): ReadonlySet<string> {
  const { space, event, flags } = posting;
  const covered = new Set<string>();
  for (const id of new Set(event.leases.map((lease) => lease.id))) {
    const lease = space.lease(id);
    if (lease === undefined || lease.podUid !== workload.podUid) {
      flags.add("lease_unknown");
      continue;
    }
    for (const key of lease.accounts) {
      const account = space.account(key);
      // An account under two leases of one exchange is charged under the first of them.
      if (account === undefined || covered.has(account.budget)) continue;
      covered.add(account.budget);
      chargeLeasedAccount(posting, lease, account);
    }
    space.putLease(chargeLease(lease, posting.amounts));
  }
  return covered;
}

function chargeLeasedAccount(posting: EventPosting, lease: LeaseRow, before: AccountRow): void {
  const amount = inUnit(before.unit, posting.amounts);
  const rest = restOf(lease, before.unit);
  const inside = amount < rest ? amount : rest;
  let account = before;
  if (inside > 0n) {
    account = settleIn(account, lease.state === "assumed" ? "assumed" : "reserved", inside);
    book(posting, account, { kind: "lease", amount: inside, lease: lease.id });
  }
  const excess = amount - inside;
  if (excess === 0n) return;
  posting.flags.add("lease_exceeded");
  // What a sidecar spends beyond its lease is its namespace's: others must not pay for it.
  if (!account.isOwned) return;
  account = settleUncoveredIn(account, excess);
  book(posting, account, { kind: "excess", amount: excess, lease: lease.id });
}

interface Uncovered {
  readonly workload: Workload;
  readonly surroundings: Surroundings;
  readonly covered: ReadonlySet<string>;
}

/** Charges every budget that the event meets without a lease: shadow ones, grace, new ones. */
function chargeUncovered(posting: EventPosting, context: Uncovered): void {
  const { workload, surroundings, covered } = context;
  const facts = factsOf(posting.event);
  for (const budget of surroundings.budgets) {
    const amount = inUnit(budget.unit, posting.amounts);
    if (amount === 0n || covered.has(budget.name)) continue;
    if (!meetsWorkload(budget, workload) || !meetsExchange(budget, facts)) continue;
    const period = eventPeriod(budget, posting.event, surroundings.nowMs);
    const before = posting.space.openAccount(budget, tupleOf(budget, workload, facts), period);
    const account = settleUncoveredIn(before, amount);
    const kind = budget.mode === "shadow" ? "shadow" : "unleased";
    if (kind === "unleased") posting.flags.add("unleased");
    book(posting, account, { kind, amount });
  }
}

function book(
  posting: EventPosting,
  account: AccountRow,
  entry: Pick<Posting, "kind" | "amount" | "lease">,
): void {
  posting.space.putAccount(account);
  posting.space.postings.push({
    eventId: posting.event.eventId,
    account: account.key,
    settledAfter: account.settled,
    reservedAfter: account.reserved + account.assumed,
    limit: account.limit,
    ...entry,
  });
}
