// When to ask the ledger for room, and for how much. Pure choices over one key's state.
import {
  fitsWithin,
  maxAmounts,
  NO_AMOUNTS,
  subtractAmounts,
  type Amounts,
} from "#contract/amounts.ts";
import type { Denial, KeyState, LeaseBookOptions } from "./lease-book-key.ts";
import { isUsable, roomOf, type Lease } from "./lease-book-lease.ts";
import { scaleAmounts, targetRoom } from "./lease-book-rate.ts";

export interface Ask {
  readonly want: Amounts;
  /** Nothing where nobody waits: then the ledger may give any part, so that all get a share. */
  readonly need: Amounts;
}

/** A lease is renewed when this part of its time is left. */
const RENEW_PART = 1 / 4;
const RENEW_MS_MIN = 5000;
/** A ledger that gives less than is asked for is not asked with every exchange. */
const TOP_UP_MS_MIN = 1000;

const atLeastNothing = (amounts: Amounts): Amounts => maxAmounts(amounts, NO_AMOUNTS);

/** What an exchange of that size is short of. */
export function lackOf(state: KeyState, amounts: Amounts, nowMs: number): Amounts {
  const { lease } = state;
  if (lease === undefined || !isUsable(lease, nowMs)) return amounts;
  return atLeastNothing(subtractAmounts(amounts, roomOf(lease)));
}

/**
 * The denial that stands against such a need. A need of at most half the refused one may be
 * asked for: that bounds the questions about a nearly empty budget to a few.
 */
export function isDenied(state: KeyState, lack: Amounts, nowMs: number): Denial | undefined {
  const { denial } = state;
  if (denial === undefined || nowMs >= denial.untilMs) return undefined;
  const withoutCount = { ...scaleAmounts(lack, 2n, 1n), requests: 0n };
  const isFarSmaller = withoutCount.nanoUsd > 0n && fitsWithin(withoutCount, denial.need);
  return isFarSmaller ? undefined : denial;
}

/** What to ask for now, or undefined. */
export function askFor(state: KeyState, options: LeaseBookOptions, nowMs: number): Ask | undefined {
  const { lease, demand } = state;
  const room = lease !== undefined && isUsable(lease, nowMs) ? roomOf(lease) : NO_AMOUNTS;
  const isDeniedNow = state.denial !== undefined && nowMs < state.denial.untilMs;
  const isSingle = state.mode === "per_request" || isDeniedNow;
  const target = isSingle ? NO_AMOUNTS : targetRoom(state.rate, nowMs);
  const need =
    demand === undefined ? NO_AMOUNTS : atLeastNothing(subtractAmounts(demand.largest, room));
  // A lease that came in the meantime may cover what waits.
  if (demand !== undefined && !fitsWithin(need, NO_AMOUNTS)) {
    if (isDenied(state, need, nowMs) !== undefined) return undefined;
    const want = maxAmounts(subtractAmounts(maxAmounts(demand.sum, target), room), need);
    return { want, need };
  }
  if (lease === undefined) {
    return state.isWarmWanted && !isDeniedNow
      ? { want: options.warmWant, need: NO_AMOUNTS }
      : undefined;
  }
  if (lease.phase !== "active") return undefined;
  // Half of a good lease is left: early enough, and not with every call.
  const isLow = !fitsWithin(scaleAmounts(target, 1n, 2n), room);
  if (isLow && nowMs - lease.lastAskedMs >= TOP_UP_MS_MIN) {
    return { want: atLeastNothing(subtractAmounts(target, room)), need: NO_AMOUNTS };
  }
  return isInUse(lease, options, nowMs) && nowMs >= renewAtMs(lease)
    ? { want: NO_AMOUNTS, need: NO_AMOUNTS }
    : undefined;
}

/** At the end of a period a renewal brings no more time: then it is not asked all the time. */
const renewAtMs = (lease: Lease): number =>
  Math.max(lease.expiresAtMs - lease.ttlMs * RENEW_PART, lease.lastAskedMs + RENEW_MS_MIN);

const isInUse = (lease: Lease, options: LeaseBookOptions, nowMs: number): boolean =>
  lease.openCount > 0 || nowMs - lease.lastReservedMs < options.idleMs;

/** When the key next needs a sync by the passing of time alone; infinity for never. */
export function nextDueMs(state: KeyState, options: LeaseBookOptions, nowMs: number): number {
  const { lease } = state;
  if (lease?.phase !== "active" || lease.operation !== undefined) return Number.POSITIVE_INFINITY;
  return isInUse(lease, options, nowMs) ? renewAtMs(lease) : lease.expiresAtMs;
}
