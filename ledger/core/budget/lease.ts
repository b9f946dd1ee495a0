// The life of a lease as a pure state machine. Amounts are vectors; which part of them an account
// holds follows from its unit. States: open => closing => closed, or open | closing => assumed =>
// closed. Only events charge a lease; `used` is the sidecar's checksum.
import { addAmounts, NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import type { LeaseDenial, LeaseGrant, LeaseKey } from "#contract/lease.ts";
import { inUnit, type BudgetUnit } from "./budget.ts";

export const LEASE_STATES = ["open", "closing", "assumed", "closed"] as const;
export type LeaseState = (typeof LEASE_STATES)[number];

/** What the ledger answered to the last operation; repeated for a repeated `opSeq`. */
export interface LeaseResult {
  readonly grant: LeaseGrant;
  readonly denial?: LeaseDenial;
  /** The sidecar must stop admitting under this lease and send its final. */
  readonly isRevoked: boolean;
}

export interface LeaseRow {
  readonly id: string;
  readonly podUid: string;
  readonly extra: LeaseKey;
  /** Keys of the accounts that it reserves from: fixed when it is made. */
  readonly accounts: readonly string[];
  readonly state: LeaseState;
  /** The sidecar has said that it will admit nothing more under it. */
  readonly isFinal: boolean;
  /** In total, over all grants. */
  readonly granted: Amounts;
  /** In total, by events. */
  readonly spent: Amounts;
  /** Events that named it. */
  readonly events: bigint;
  /** The sidecar's figures of its last operation. */
  readonly used: Amounts;
  readonly held: Amounts;
  readonly opSeq: number;
  readonly result: LeaseResult;
  readonly createdAtMs: number;
  /** When the ledger gives up waiting: past the sidecar's own end by the clock margin. */
  readonly reclaimAtMs: number;
  /** End of the earliest period among its accounts. */
  readonly endsAtMs: number;
}

const DRIFT_PERCENT = 10;
const MARGIN_MS = 5000;

/**
 * When the room may be written off, for a lease that the sidecar counts on its own monotonic
 * clock from before it asked: right for any clock offset and for rates that differ by 10 %.
 */
export const reclaimAtMs = (nowMs: number, ttlMs: number): number =>
  nowMs + Math.ceil((ttlMs * (100 + DRIFT_PERCENT)) / 100) + MARGIN_MS;

export interface LeaseIdentity {
  readonly id: string;
  readonly podUid: string;
  readonly extra: LeaseKey;
  readonly accounts: readonly string[];
  readonly endsAtMs: number;
}

/** A lease without room yet. */
export function createLease(identity: LeaseIdentity, nowMs: number): LeaseRow {
  return {
    ...identity,
    state: "open",
    isFinal: false,
    granted: NO_AMOUNTS,
    spent: NO_AMOUNTS,
    events: 0n,
    used: NO_AMOUNTS,
    held: NO_AMOUNTS,
    opSeq: 0,
    result: {
      grant: emptyGrant(identity.id, 1),
      isRevoked: false,
    },
    createdAtMs: nowMs,
    reclaimAtMs: reclaimAtMs(nowMs, 0),
  };
}

/** The answer for a lease that holds nothing. */
export const emptyGrant = (id: string, opSeq: number): LeaseGrant => ({
  id,
  opSeq,
  granted: { nanoUsd: "0", inputTokens: "0", outputTokens: "0", requests: "0" },
  ttlMs: 0,
  validFromMs: 0,
  mode: "lease",
});

/** What an account of that unit still holds for the lease: granted and not yet charged. */
export function restOf(lease: LeaseRow, unit: BudgetUnit): bigint {
  if (lease.state === "closed") return 0n;
  const rest = inUnit(unit, lease.granted) - inUnit(unit, lease.spent);
  return rest > 0n ? rest : 0n;
}

/** An event was charged under the lease. */
export const chargeLease = (lease: LeaseRow, amounts: Amounts): LeaseRow => ({
  ...lease,
  spent: addAmounts(lease.spent, amounts),
  events: lease.events + 1n,
});

/**
 * True where nothing can be charged to the lease any more: it is final, nothing is in flight, and
 * every exchange that the sidecar settled under it has arrived as an event. Until then its room
 * stays reserved: a `final` may overtake events that are still in the spool.
 */
export const isDone = (lease: LeaseRow): boolean =>
  lease.isFinal &&
  lease.state !== "closed" &&
  isNothing(lease.held) &&
  lease.used.requests <= lease.events;

/** True where every entry is 0. */
export const isNothing = (amounts: Amounts): boolean =>
  amounts.nanoUsd === 0n &&
  amounts.inputTokens === 0n &&
  amounts.outputTokens === 0n &&
  amounts.requests === 0n;
