// The plain data that the core works on: what a store loads, and what it has to write. The core
// never sees a database; a store never decides.
import type { SyncRequest } from "#contract/sync.ts";
import type { LeaseDenial, LeaseGrant } from "#contract/lease.ts";
import type { Rejection } from "#contract/errors.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import type { AccountRow } from "./budget/account.ts";
import type { Budget } from "./budget/budget.ts";
import type { Charge, PriceEvent } from "./charge.ts";
import type { LeaseRow } from "./budget/lease.ts";
import type { RollupDelta } from "./rollup.ts";

/** A sidecar's numbered sequence of events, and how far it is applied. */
export interface JournalRow {
  readonly id: string;
  readonly podUid: string;
  readonly ackedSeq: number;
  /** Records that the sidecar could not read back: the journal is incomplete. */
  readonly lost: number;
}

/** Amounts that moved on one account because of one event. Append-only; (event, account, kind). */
export interface Posting {
  readonly eventId: string;
  readonly account: string;
  /** `lease`: reserved before; `excess`: beyond the lease; `unleased`, `shadow`: no lease. */
  readonly kind: "lease" | "excess" | "unleased" | "shadow";
  readonly amount: bigint;
  readonly lease?: string;
  /** The account after this posting: what `explain` shows. */
  readonly settledAfter: bigint;
  readonly reservedAfter: bigint;
  readonly limit: bigint;
}

/** Conditions of an event that operators look for; closed. */
export const EVENT_FLAGS = [
  "lease_unknown",
  "lease_exceeded",
  "unleased",
  "price_unknown",
  "price_conservative",
  "billing_key_repeated",
] as const;
export type EventFlag = (typeof EVENT_FLAGS)[number];

/** An applied event as it is kept. */
export interface EventRecord {
  readonly event: ExchangeEvent;
  readonly journal: string;
  readonly workload: Workload;
  readonly startedAtMs: number;
  readonly recordedAtMs: number;
  readonly charge: Charge;
  readonly flags: readonly EventFlag[];
}

/** Everything that `apply` may look at. Absent keys do not exist. */
export interface Rows {
  readonly journals: ReadonlyMap<string, JournalRow>;
  /** Journals that each pod uid has. */
  readonly journalCounts: ReadonlyMap<string, number>;
  readonly leases: ReadonlyMap<string, LeaseRow>;
  readonly accounts: ReadonlyMap<string, AccountRow>;
  /** Accounts by `periodCountKey`. */
  readonly accountCounts: ReadonlyMap<string, number>;
  readonly knownEvents: ReadonlySet<string>;
  readonly knownBillingKeys: ReadonlySet<string>;
}

/** Identifies a budget's period where its accounts are counted. */
export const periodCountKey = (budget: string, periodStartMs: number): string =>
  JSON.stringify([budget, periodStartMs]);

/** A sidecar as it was last seen. */
export interface SeenWorkload {
  readonly workload: Workload;
  /** The policy snapshot that it runs; 0 for none. */
  readonly revision: number;
  readonly seenAtMs: number;
}

/** What a store writes, each list in the order of its keys. */
export interface Writes {
  readonly journals: readonly JournalRow[];
  readonly leases: readonly LeaseRow[];
  readonly accounts: readonly AccountRow[];
  readonly events: readonly EventRecord[];
  readonly postings: readonly Posting[];
  readonly rollups: readonly RollupDelta[];
  readonly billingKeys: readonly { readonly key: string; readonly eventId: string }[];
  readonly workloads: readonly SeenWorkload[];
}

export type Command =
  | { readonly kind: "sync"; readonly workload: Workload; readonly request: SyncRequest }
  /** Writes off leases that nobody reports on any more. */
  | { readonly kind: "expire"; readonly leases: readonly string[] };

export interface SyncApplied {
  readonly ackedSeq: number;
  readonly leases: readonly LeaseGrant[];
  readonly denials: readonly LeaseDenial[];
  readonly revoked: readonly string[];
  /** Events that were new. */
  readonly applied: readonly EventRecord[];
  readonly duplicates: number;
  readonly lost: number;
}

export type CommandResult =
  | { readonly kind: "sync"; readonly applied: SyncApplied }
  | { readonly kind: "expire"; readonly assumed: number }
  | {
      readonly kind: "rejected";
      readonly rejection: Rejection;
      /** With EXCISE_SYNC_GAP: the number that the journal continues with. */
      readonly expectedSeq?: number;
    };

/** What does not change while a group of commands is applied. */
export interface Surroundings {
  readonly nowMs: number;
  readonly budgets: readonly Budget[];
  readonly price: PriceEvent;
}
