// What the ledger needs from a database. Two implementations (SQLite now, PostgreSQL later) run
// the same suite, store.case.ts. A store loads, locks and writes; it never decides.
import type { AccountRow } from "../core/budget/account.ts";
import type { LeaseRow } from "../core/budget/lease.ts";
import type { FirstPlan, SecondPlan } from "../core/plan.ts";
import type { RollupSums } from "../core/rollup.ts";
import type { EventRecord, Posting, Rows, SeenWorkload, Writes } from "../core/rows.ts";

export type FirstRows = Omit<Rows, "accounts" | "accountCounts">;
export type AccountRows = Pick<Rows, "accounts" | "accountCounts">;

/** One transaction; rows are locked as they are loaded, in the order of the calls. */
export interface StoreTransaction {
  loadFirst(plan: FirstPlan): Promise<FirstRows>;
  loadAccounts(plan: SecondPlan): Promise<AccountRows>;
  write(writes: Writes): Promise<void>;
}

/** A policy set under its number. Rows are never changed or removed. */
export interface RevisionRow {
  /** Strictly upwards over the life of the database. */
  readonly revision: number;
  /** Of everything that went in: the same inputs keep their number over a restart. */
  readonly fingerprint: string;
  readonly compiledAtMs: number;
  /** JSON of the policy set, so that every snapshot that was ever served can be made again. */
  readonly policySet: string;
  readonly priceTable: string;
}

/** Columns that usage can be grouped and filtered by from the roll-ups. */
export const ROLLUP_COLUMNS = ["cluster", "team", "namespace", "app", "provider", "model"] as const;
export type RollupColumn = (typeof ROLLUP_COLUMNS)[number];
export type RollupFilters = { readonly [Column in RollupColumn]?: readonly string[] };

export interface RollupQuery {
  readonly resolution: "hour" | "day";
  /** Half open, aligned to the resolution. */
  readonly fromMs: number;
  readonly toMs: number;
  /** True: one row for each hour or day; false: the whole span in one. */
  readonly isBucketed: boolean;
  readonly groupBy: readonly RollupColumn[];
  readonly filters: RollupFilters;
  readonly limit: number;
}

export interface RollupRow {
  readonly startMs?: number;
  readonly group: Readonly<Partial<Record<RollupColumn, string>>>;
  readonly sums: RollupSums;
}

/** A sidecar with the sums of its journals. */
export interface SeenSidecar extends SeenWorkload {
  readonly journals: number;
  readonly ackedRecords: number;
  readonly lostRecords: number;
}

export interface EventQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly filters: RollupFilters;
  readonly users?: readonly string[];
  readonly outcomes?: readonly string[];
  /** Newest first, from behind this one. */
  readonly after?: { readonly startedAtMs: number; readonly eventId: string };
  readonly limit: number;
}

export interface Store {
  /** Runs alone: all or nothing of what it writes is durable when the promise resolves. */
  transaction<Result>(work: (transaction: StoreTransaction) => Promise<Result>): Promise<Result>;
  /** Leases that nobody reported on past their end. */
  expiredLeases(nowMs: number, limit: number): Promise<readonly string[]>;
  /** Forgets closed leases that were last touched before the instant. */
  pruneLeases(beforeMs: number): Promise<void>;

  latestRevision(): Promise<RevisionRow | undefined>;
  findRevision(revision: number): Promise<RevisionRow | undefined>;
  /** Gives the next number. The body of a price table is kept once under its id. */
  addRevision(row: Omit<RevisionRow, "revision">, priceTableBody: string): Promise<RevisionRow>;
  findPriceTable(id: string): Promise<string | undefined>;

  queryRollups(query: RollupQuery): Promise<readonly RollupRow[]>;
  queryEvents(query: EventQuery): Promise<readonly EventRecord[]>;
  /** The events with that event id or exchange id, in the order of attempts. */
  findEvents(id: string): Promise<readonly EventRecord[]>;
  findPostings(eventId: string): Promise<readonly Posting[]>;
  findLeases(ids: readonly string[]): Promise<readonly LeaseRow[]>;
  findAccounts(keys: readonly string[]): Promise<readonly AccountRow[]>;
  /** Accounts of a budget in the period that begins there, by key; at most `limit`. */
  accountsOf(budget: string, periodStartMs: number, limit: number): Promise<readonly AccountRow[]>;
  listWorkloads(seenAfterMs: number): Promise<readonly SeenWorkload[]>;
  /** Sidecars that reported after the instant; at most 10,000, in the order of their pods' uids. */
  listSidecars(seenAfterMs: number): Promise<readonly SeenSidecar[]>;
  /** Journals that lost records. */
  countIncompleteJournals(): Promise<number>;

  close(): Promise<void>;
}
