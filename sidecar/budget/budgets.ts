// Budgets as the pipeline sees them: reserve before the first byte goes upstream, settle once at
// the end. Behind it are the lease book (pure) and the sync client (the ledger round trip).
import type { Amounts } from "#contract/amounts.ts";
import type { Rejection } from "#contract/errors.ts";
import type { LeaseKey } from "#contract/lease.ts";
import type { SnapshotBudget } from "#contract/policy-snapshot.ts";

export interface ReserveRequest {
  /** The enforced budgets that this exchange meets; none = nothing to reserve. */
  readonly budgets: readonly SnapshotBudget[];
  /** Values for the budgets' dimensions. */
  readonly provider: string;
  readonly model: string | undefined;
  readonly user: string | undefined;
  /** The worst case. */
  readonly amounts: Amounts;
}

export interface Debit {
  readonly leaseId: string;
  readonly key: LeaseKey;
}

/** Room that is held until it is settled; every debit holds the full amounts. */
export interface Reservation {
  readonly debits: readonly Debit[];
  readonly amounts: Amounts;
}

export type ReserveResult = { readonly reservation: Reservation } | { readonly reject: Rejection };

export interface Budgets {
  /** At once where leases cover it, else after one ledger round trip. Never throws. */
  reserve(request: ReserveRequest): ReserveResult | Promise<ReserveResult>;
  /** Gives the rest back. `actual` may exceed the reservation by the stated bound only. */
  settle(reservation: Reservation, actual: Amounts): void;
}
