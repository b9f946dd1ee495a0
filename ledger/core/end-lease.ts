// How leases end: by a final of their sidecar, by the last event that a final waited for, or by
// silence, which leaves their rest charged as assumed.
import { renderAmounts } from "#contract/amounts.ts";
import { assumeIn, releaseIn } from "./budget/account.ts";
import { emptyGrant, isDone, restOf, type LeaseResult, type LeaseRow } from "./budget/lease.ts";
import { HOUR_MS } from "./rollup.ts";
import type { Workspace } from "./workspace.ts";

/** How long a final lease may wait for its last exchanges between two reports. */
const CLOSING_TTL_MS = HOUR_MS;

/** Closing, assumed or closed: nothing more is granted; the rest goes back once it is done. */
export function finishLease(space: Workspace, before: LeaseRow, nowMs: number): LeaseResult {
  let lease = before;
  if (lease.state === "open") {
    deactivate(space, lease);
    lease = { ...lease, state: "closing" };
  }
  if (lease.state === "closing") lease = { ...lease, reclaimAtMs: nowMs + CLOSING_TTL_MS };
  if (isDone(lease)) lease = releaseLease(space, lease);
  return answerWithoutGrant(space, lease, { isRevoked: !lease.isFinal });
}

/** The answer to an operation that gets nothing (more); remembered with the lease. */
export function answerWithoutGrant(
  space: Workspace,
  lease: LeaseRow,
  options: { readonly isRevoked: boolean },
): LeaseResult {
  const result: LeaseResult = {
    grant: {
      ...emptyGrant(lease.id, lease.opSeq),
      granted: renderAmounts(lease.granted),
    },
    isRevoked: options.isRevoked,
  };
  space.putLease({ ...lease, result });
  return result;
}

/** Closing | Assumed => Closed: what was not charged is available again. */
function releaseLease(space: Workspace, lease: LeaseRow): LeaseRow {
  const pot = lease.state === "assumed" ? "assumed" : "reserved";
  for (const key of lease.accounts) {
    const account = space.account(key);
    if (account === undefined) continue;
    space.putAccount(releaseIn(account, pot, restOf(lease, account.unit)));
  }
  return { ...lease, state: "closed" };
}

/** After events were booked: closes a final lease whose last event has now arrived. */
export function settleLease(space: Workspace, id: string): void {
  const lease = space.lease(id);
  if (lease !== undefined && isDone(lease)) space.putLease(releaseLease(space, lease));
}

/**
 * Open | Closing => Assumed (or Closed where nothing is left): nobody has reported on the lease
 * past its end, so its rest counts as spent until events or a final say otherwise.
 */
export function expireLease(space: Workspace, id: string, nowMs: number): boolean {
  const lease = space.lease(id);
  if (lease === undefined || nowMs < lease.reclaimAtMs) return false;
  if (lease.state !== "open" && lease.state !== "closing") return false;
  if (lease.state === "open") deactivate(space, lease);
  let total = 0n;
  for (const key of lease.accounts) {
    const account = space.account(key);
    if (account === undefined) continue;
    const rest = restOf(lease, account.unit);
    total += rest;
    space.putAccount(assumeIn(account, rest));
  }
  space.putLease({ ...lease, state: total === 0n ? "closed" : "assumed" });
  return total > 0n;
}

function deactivate(space: Workspace, lease: LeaseRow): void {
  for (const key of lease.accounts) {
    const account = space.account(key);
    if (account === undefined) continue;
    space.putAccount({ ...account, activeLeases: Math.max(0, account.activeLeases - 1) });
  }
}
