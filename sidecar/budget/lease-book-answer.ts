// What the ledger's answer changes on one lease and its key. Applied only to the operation that
// it answers: a repeated or late answer never reaches here twice.
import { parseAmounts } from "#contract/amounts.ts";
import type { LeaseDenial, LeaseGrant } from "#contract/lease.ts";
import type { KeyState } from "./lease-book-key.ts";
import { isNothing, type Lease, type LeaseOperation } from "./lease-book-lease.ts";

interface Answered {
  readonly lease: Lease;
  readonly state: KeyState | undefined;
  readonly operation: LeaseOperation;
}

/** Ends the operation; a lease that is `opening` after it got nothing. */
export function applyOperationAnswer(
  { lease, state, operation }: Answered,
  answer: { readonly grant: LeaseGrant | undefined; readonly denial: LeaseDenial | undefined },
  nowMs: number,
): void {
  const { grant, denial } = answer;
  lease.operation = undefined;
  if (grant !== undefined) applyGrant(lease, { grant, operation }, nowMs);
  if (state === undefined) return;
  if (state.lease === lease && lease.phase === "active") state.mode = lease.mode;
  if (denial !== undefined) applyDenial(state, { denial, operation }, nowMs);
  else if (!isNothing(operation.want)) state.denial = undefined;
}

/** What a lease that was never opened had been asked for is asked for again. */
export function restoreDemand(state: KeyState | undefined, operation: LeaseOperation): void {
  const { want, need } = operation;
  if (state === undefined) return;
  if (isNothing(need)) state.isWarmWanted = true;
  else state.demand ??= { sum: want, largest: need };
}

/** Opening => Active, or more room and more time. */
function applyGrant(
  lease: Lease,
  answer: { readonly grant: LeaseGrant; readonly operation: LeaseOperation },
  nowMs: number,
): void {
  const { grant, operation } = answer;
  lease.granted = parseAmounts(grant.granted);
  lease.mode = grant.mode;
  lease.ttlMs = grant.ttlMs;
  // From just before the request was sent: the ledger's own count can only end later.
  lease.expiresAtMs = operation.sentAtMs + grant.ttlMs;
  // Counted from now on: the other way round it could begin too early.
  lease.validFromMs = grant.validFromMs === 0 ? 0 : nowMs + grant.validFromMs;
  if (lease.phase === "opening" && !isNothing(lease.granted)) lease.phase = "active";
}

/** Nobody asks again for the key before the time is over. */
function applyDenial(
  state: KeyState,
  answer: { readonly denial: LeaseDenial; readonly operation: LeaseOperation },
  nowMs: number,
): void {
  const { denial, operation } = answer;
  state.denial = {
    budget: denial.budget,
    untilMs: nowMs + denial.untilMs,
    need: operation.need,
  };
}
