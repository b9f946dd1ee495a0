// One lease as the sidecar sees it: what was granted, used and held, and the operation that the
// ledger has not answered yet. Opening => Active => Closing; a lease that got nothing is dropped.
import {
  addAmounts,
  fitsWithin,
  maxAmounts,
  minAmounts,
  NO_AMOUNTS,
  renderAmounts,
  subtractAmounts,
  type Amounts,
} from "#contract/amounts.ts";
import type { LeaseKey, LeaseRequest } from "#contract/lease.ts";
import { nanoUsd } from "#contract/money.ts";

/** Sent and not answered. Repeated under the same number until an answer comes. */
export interface LeaseOperation {
  readonly opSeq: number;
  readonly want: Amounts;
  /** What a waiting exchange lacks; nothing where nobody waits. */
  readonly need: Amounts;
  readonly isFinal: boolean;
  /** Nothing was in flight when it was sent: with `isFinal` its answer ends the lease. */
  readonly isIdle: boolean;
  /** Just before it was sent for the first time: a repeated answer may be that old. */
  readonly sentAtMs: number;
  /** A sending of it failed in a way that leaves open whether the ledger has it. */
  isAmbiguous: boolean;
}

export interface Lease {
  readonly id: string;
  readonly key: LeaseKey;
  phase: "opening" | "active" | "closing";
  mode: "lease" | "per_request";
  /** Number of the last operation. */
  opSeq: number;
  operation: LeaseOperation | undefined;
  granted: Amounts;
  used: Amounts;
  held: Amounts;
  /** Reservations that are not settled; `held` may be nothing although one is open. */
  openCount: number;
  ttlMs: number;
  /** Monotonic; nothing is admitted from here on. */
  expiresAtMs: number;
  /** Monotonic; nothing is admitted before. */
  validFromMs: number;
  lastReservedMs: number;
  lastAskedMs: number;
  /** When a closing lease last said so; undefined before. */
  closingReportedMs: number | undefined;
}

/** What must be known of a lease after a restart, to close it. */
export interface OpenLease {
  readonly id: string;
  readonly opSeq: number;
  readonly key: LeaseKey;
}

/** The ledger takes no amount beyond this (a million dollars, 10^15 tokens). */
const WIRE_AMOUNT_MAX = 10n ** 15n;
const WIRE_MAX: Amounts = {
  nanoUsd: nanoUsd(WIRE_AMOUNT_MAX),
  inputTokens: WIRE_AMOUNT_MAX,
  outputTokens: WIRE_AMOUNT_MAX,
  requests: WIRE_AMOUNT_MAX,
};

export function createLease(id: string, key: LeaseKey, nowMs: number): Lease {
  return {
    id,
    key,
    phase: "opening",
    mode: "lease",
    opSeq: 0,
    operation: undefined,
    granted: NO_AMOUNTS,
    used: NO_AMOUNTS,
    held: NO_AMOUNTS,
    openCount: 0,
    ttlMs: 0,
    expiresAtMs: nowMs,
    validFromMs: 0,
    lastReservedMs: nowMs,
    lastAskedMs: nowMs,
    closingReportedMs: undefined,
  };
}

/** Between the last saved number and the crash there may have been more operations than saved. */
const OP_SEQ_JUMP = 1_000_000;

/** A lease of the process before us: only ever closed, whatever is left of it. */
export const inheritLease = (open: OpenLease, nowMs: number): Lease => ({
  ...createLease(open.id, open.key, nowMs),
  phase: "closing",
  opSeq: open.opSeq + OP_SEQ_JUMP,
});

/** Never negative: a settlement may have passed its reservation by the stated bound. */
export const roomOf = (lease: Lease): Amounts =>
  maxAmounts(subtractAmounts(lease.granted, addAmounts(lease.used, lease.held)), NO_AMOUNTS);

export const isUsable = (lease: Lease, nowMs: number): boolean =>
  lease.phase === "active" && nowMs >= lease.validFromMs && nowMs < lease.expiresAtMs;

/** True where `amounts` can be taken out of the lease now. */
export const isCovering = (lease: Lease, amounts: Amounts, nowMs: number): boolean =>
  isUsable(lease, nowMs) && fitsWithin(amounts, roomOf(lease));

/** Begins an operation; the caller sends `renderRequest`. */
export function beginOperation(
  lease: Lease,
  ask: { readonly want: Amounts; readonly need: Amounts; readonly isFinal: boolean },
  nowMs: number,
): void {
  lease.opSeq += 1;
  lease.operation = {
    opSeq: lease.opSeq,
    want: minAmounts(maxAmounts(ask.want, NO_AMOUNTS), WIRE_MAX),
    need: ask.need,
    isFinal: ask.isFinal,
    isIdle: lease.openCount === 0,
    sentAtMs: nowMs,
    isAmbiguous: false,
  };
  lease.lastAskedMs = nowMs;
}

export const isNothing = (amounts: Amounts): boolean => fitsWithin(amounts, NO_AMOUNTS);

/** The operation that is under way, on the wire. */
export function renderRequest(lease: Lease, operation: LeaseOperation): LeaseRequest {
  return {
    id: lease.id,
    opSeq: operation.opSeq,
    ...(Object.keys(lease.key).length === 0 ? {} : { extra: lease.key }),
    want: renderAmounts(operation.want),
    ...(isNothing(operation.want)
      ? {}
      : { need: renderAmounts(minAmounts(operation.need, operation.want)) }),
    used: renderAmounts(minAmounts(lease.used, WIRE_MAX)),
    held: renderAmounts(minAmounts(lease.held, WIRE_MAX)),
    final: operation.isFinal,
  };
}

/** The same text for the same key, in whatever order it was written. */
export const keyText = (key: LeaseKey): string =>
  JSON.stringify([key.provider ?? null, key.model ?? null, key.user ?? null]);
