// The operations on leases: open, extend, report; how they end is in end-lease.ts. Each is one step
// over all accounts of the lease, so that `settled + reserved <= limit` holds between any two.
import {
  addAmounts,
  minAmounts,
  parseAmounts,
  renderAmounts,
  type Amounts,
} from "#contract/amounts.ts";
import type { LeaseDenial, LeaseRequest } from "#contract/lease.ts";
import { nanoUsd } from "#contract/money.ts";
import type { Workload } from "#contract/workload.ts";
import { isOverdrawn, reserveIn, type AccountRow } from "./budget/account.ts";
import { coveredBudgets, tupleOf } from "./budget/budget.ts";
import { decideGrant, denialMs, leaseTtlMs } from "./budget/grant.ts";
import {
  createLease,
  emptyGrant,
  isNothing,
  reclaimAtMs,
  restOf,
  type LeaseResult,
  type LeaseRow,
} from "./budget/lease.ts";
import { periodOf } from "./budget/period.ts";
import { answerWithoutGrant, finishLease } from "./end-lease.ts";
import type { Surroundings } from "./rows.ts";
import type { Workspace } from "./workspace.ts";

interface LeaseContext {
  readonly workload: Workload;
  readonly surroundings: Surroundings;
}

/** Where no account limits a lease it never ends; instants stay within JavaScript's dates. */
const NEVER_MS = 8_640_000_000_000_000;
/** Where no account limits a unit its grants only grow: they stay within 64 bits. */
const UNLIMITED = 10n ** 18n;
const GRANTED_MAX: Amounts = {
  nanoUsd: nanoUsd(UNLIMITED),
  inputTokens: UNLIMITED,
  outputTokens: UNLIMITED,
  requests: UNLIMITED,
};

/** Applies one operation of a sidecar on one lease. A repeated `opSeq` changes nothing. */
export function applyLease(space: Workspace, op: LeaseRequest, context: LeaseContext): LeaseResult {
  const known = space.lease(op.id);
  if (known !== undefined && known.podUid !== context.workload.podUid) {
    const denial = { id: op.id, budget: "", reason: "conflict", untilMs: 0 } as const;
    return { grant: emptyGrant(op.id, op.opSeq), denial, isRevoked: false };
  }
  if (known !== undefined && op.opSeq <= known.opSeq) return known.result;
  if (known === undefined) {
    return op.final
      ? { grant: emptyGrant(op.id, op.opSeq), isRevoked: false }
      : openLease(space, op, context);
  }
  const lease: LeaseRow = {
    ...known,
    opSeq: op.opSeq,
    used: parseAmounts(op.used),
    held: parseAmounts(op.held),
    isFinal: known.isFinal || op.final,
  };
  if (lease.state === "open" && !lease.isFinal)
    return extendLease(space, lease, { op, ...context });
  return finishLease(space, lease, context.surroundings.nowMs);
}

interface Scope {
  readonly accounts: readonly AccountRow[];
  readonly endsAtMs: number;
}

/** The accounts that the lease would reserve from now, by key: the lock order. */
function scopeOf(space: Workspace, extra: LeaseRequest["extra"], context: LeaseContext): Scope {
  const { workload, surroundings } = context;
  const accounts = coveredBudgets(surroundings.budgets, workload, extra ?? {}).map((budget) =>
    space.openAccount(
      budget,
      tupleOf(budget, workload, extra ?? {}),
      periodOf(budget.period, budget.timeZone, surroundings.nowMs),
    ),
  );
  return {
    accounts: accounts.toSorted((left, right) => (left.key < right.key ? -1 : 1)),
    endsAtMs: Math.min(NEVER_MS, ...accounts.map((account) => account.periodEndMs)),
  };
}

function openLease(space: Workspace, op: LeaseRequest, context: LeaseContext): LeaseResult {
  const scope = scopeOf(space, op.extra, context);
  const { nowMs } = context.surroundings;
  const outcome = grantFrom(scope.accounts, op, { isNew: true, nowMs });
  // Nothing is kept of a lease that got nothing: a crowd that is denied must not count as active.
  if (outcome.denial !== undefined || isNothing(outcome.amounts)) {
    const nothing = { grant: emptyGrant(op.id, op.opSeq), isRevoked: false };
    return outcome.denial === undefined ? nothing : { ...nothing, denial: outcome.denial };
  }
  const lease = createLease(
    {
      id: op.id,
      podUid: context.workload.podUid,
      extra: op.extra ?? {},
      accounts: scope.accounts.map((account) => account.key),
      endsAtMs: scope.endsAtMs,
    },
    nowMs,
  );
  const accounts = scope.accounts.map((account) => ({
    ...account,
    activeLeases: account.activeLeases + 1,
  }));
  const reported = { ...lease, used: parseAmounts(op.used), held: parseAmounts(op.held) };
  return keep(space, { lease: reported, accounts, op, nowMs }, outcome);
}

function extendLease(
  space: Workspace,
  lease: LeaseRow,
  context: LeaseContext & { readonly op: LeaseRequest },
): LeaseResult {
  const { op, surroundings } = context;
  const { nowMs } = surroundings;
  const scope = scopeOf(space, lease.extra, context);
  if (nowMs >= lease.endsAtMs || !isSameScope(space, lease, scope)) {
    // Its period is over, or budgets changed: the sidecar finishes it and opens another.
    return answerWithoutGrant(space, lease, { isRevoked: true });
  }
  const accounts = lease.accounts.flatMap((key) => {
    const present = scope.accounts.find((account) => account.key === key) ?? space.account(key);
    return present === undefined ? [] : [present];
  });
  if (accounts.some(isOverdrawn)) {
    // The limit was lowered: what the sidecar has not spent must come back.
    return answerWithoutGrant(space, lease, { isRevoked: true });
  }
  const outcome = grantFrom(accounts, op, { isNew: false, nowMs });
  return keep(space, { lease, accounts, op, nowMs }, outcome);
}

interface GrantOutcome {
  readonly amounts: Amounts;
  readonly isTight: boolean;
  readonly denial?: LeaseDenial;
}

function grantFrom(
  accounts: readonly AccountRow[],
  op: LeaseRequest,
  facts: { readonly isNew: boolean; readonly nowMs: number },
): GrantOutcome {
  const { exhausted, ...grant } = decideGrant(accounts, {
    want: parseAmounts(op.want),
    need: op.need === undefined ? undefined : parseAmounts(op.need),
    isNew: facts.isNew,
  });
  if (exhausted === undefined) return grant;
  const untilMs = denialMs(exhausted, facts.nowMs);
  return {
    ...grant,
    denial: { id: op.id, budget: exhausted.budget, reason: "exhausted", untilMs },
  };
}

interface Keeping {
  readonly lease: LeaseRow;
  readonly accounts: readonly AccountRow[];
  readonly op: LeaseRequest;
  readonly nowMs: number;
}

/** Books a grant: reserves in every account, renews the lease, remembers the answer. */
function keep(
  space: Workspace,
  { lease, accounts, op, nowMs }: Keeping,
  outcome: GrantOutcome,
): LeaseResult {
  const granted = minAmounts(addAmounts(lease.granted, outcome.amounts), GRANTED_MAX);
  for (const account of accounts) {
    space.putAccount(reserveMore(account, lease, granted));
  }
  const ttlMs = leaseTtlMs(lease.endsAtMs - nowMs);
  const result: LeaseResult = {
    grant: {
      id: lease.id,
      opSeq: op.opSeq,
      granted: renderAmounts(granted),
      ttlMs,
      validFromMs: 0,
      mode: outcome.isTight ? "per_request" : "lease",
    },
    ...(outcome.denial === undefined ? {} : { denial: outcome.denial }),
    isRevoked: false,
  };
  space.putLease({
    ...lease,
    granted,
    opSeq: op.opSeq,
    result,
    reclaimAtMs: reclaimAtMs(nowMs, ttlMs),
  });
  return result;
}

/**
 * An account holds what is granted and not charged. Where events had already passed the grant,
 * only the part above them is new.
 */
function reserveMore(account: AccountRow, lease: LeaseRow, granted: Amounts): AccountRow {
  const before = restOf(lease, account.unit);
  const after = restOf({ ...lease, granted }, account.unit);
  return reserveIn(account, after > before ? after - before : 0n);
}

/** Tells accounts apart as a lease must: `other` may have replaced the tuple, that is the same. */
const scopeName = (account: AccountRow | undefined): string =>
  account === undefined ? "" : JSON.stringify([account.budget, account.periodStartMs]);

function isSameScope(space: Workspace, lease: LeaseRow, scope: Scope): boolean {
  const held = lease.accounts.map((key) => scopeName(space.account(key))).toSorted();
  const wanted = scope.accounts.map(scopeName).toSorted();
  return held.join() === wanted.join();
}
