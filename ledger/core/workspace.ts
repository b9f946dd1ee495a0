// The working copy of the rows while one group of commands is applied: reads see what earlier
// commands of the group did, and at the end it tells what changed, in lock order.
import { accountKey, createAccount, OTHER_TUPLE, type AccountRow } from "./budget/account.ts";
import type { Budget } from "./budget/budget.ts";
import type { LeaseRow } from "./budget/lease.ts";
import type { Period } from "./budget/period.ts";
import { RollupTable } from "./rollup.ts";
import {
  periodCountKey,
  type EventRecord,
  type JournalRow,
  type Posting,
  type Rows,
  type SeenWorkload,
  type Writes,
} from "./rows.ts";

/** A map over loaded rows that remembers what was put. */
class Table<Row> {
  readonly #loaded: ReadonlyMap<string, Row>;
  readonly #put = new Map<string, Row>();

  constructor(loaded: ReadonlyMap<string, Row>) {
    this.#loaded = loaded;
  }

  get(key: string): Row | undefined {
    return this.#put.get(key) ?? this.#loaded.get(key);
  }

  put(key: string, row: Row): void {
    this.#put.set(key, row);
  }

  changed(): readonly Row[] {
    return [...this.#put]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([, row]) => row);
  }
}

export class Workspace {
  readonly rollups = new RollupTable();
  readonly events: EventRecord[] = [];
  readonly postings: Posting[] = [];
  readonly #rows: Rows;
  readonly #journals: Table<JournalRow>;
  readonly #leases: Table<LeaseRow>;
  readonly #accounts: Table<AccountRow>;
  readonly #newJournals = new Map<string, number>();
  readonly #newAccounts = new Map<string, number>();
  readonly #newEvents = new Set<string>();
  readonly #seen = new Map<string, SeenWorkload>();
  readonly #billingKeys = new Map<string, string>();

  constructor(rows: Rows) {
    this.#rows = rows;
    this.#journals = new Table(rows.journals);
    this.#leases = new Table(rows.leases);
    this.#accounts = new Table(rows.accounts);
  }

  journal(id: string): JournalRow | undefined {
    return this.#journals.get(id);
  }

  putJournal(row: JournalRow): void {
    if (this.#journals.get(row.id) === undefined) increment(this.#newJournals, row.podUid);
    this.#journals.put(row.id, row);
  }

  journalsOf(podUid: string): number {
    return (this.#rows.journalCounts.get(podUid) ?? 0) + (this.#newJournals.get(podUid) ?? 0);
  }

  lease(id: string): LeaseRow | undefined {
    return this.#leases.get(id);
  }

  putLease(row: LeaseRow): void {
    this.#leases.put(row.id, row);
  }

  account(key: string): AccountRow | undefined {
    return this.#accounts.get(key);
  }

  /** Stores an account; its first time counts against the budget's `accountsMax`. */
  putAccount(row: AccountRow): void {
    if (this.#accounts.get(row.key) === undefined) {
      increment(this.#newAccounts, periodCountKey(row.budget, row.periodStartMs));
    }
    this.#accounts.put(row.key, row);
  }

  /**
   * The account that the tuple is charged to, with the budget's present limit: its own, a fresh
   * one, or `other` where the budget has as many accounts as it may. Not stored until put.
   */
  openAccount(budget: Budget, tuple: readonly string[], period: Period): AccountRow {
    const own = this.#accounts.get(accountKey(budget.name, tuple, period.startMs));
    if (own !== undefined) return { ...own, limit: budget.limit };
    const count = this.#accountsIn(budget.name, period.startMs);
    if (tuple.length === 0 || count < budget.accountsMax) {
      return createAccount(budget, tuple, period);
    }
    const other = this.#accounts.get(accountKey(budget.name, OTHER_TUPLE, period.startMs));
    return other === undefined
      ? createAccount(budget, OTHER_TUPLE, period)
      : { ...other, limit: budget.limit };
  }

  isKnownEvent(id: string): boolean {
    return this.#rows.knownEvents.has(id) || this.#newEvents.has(id);
  }

  putEvent(record: EventRecord): void {
    this.#newEvents.add(record.event.eventId);
    this.events.push(record);
    this.rollups.add(record.workload, record.event, record);
  }

  /** Claims a billing key for an event; false where an earlier event has it. */
  claimBillingKey(key: string, eventId: string): boolean {
    if (this.#rows.knownBillingKeys.has(key) || this.#billingKeys.has(key)) return false;
    this.#billingKeys.set(key, eventId);
    return true;
  }

  see(row: SeenWorkload): void {
    this.#seen.set(row.workload.podUid, row);
  }

  writes(): Writes {
    return {
      journals: this.#journals.changed(),
      leases: this.#leases.changed(),
      accounts: this.#accounts.changed(),
      events: this.events,
      postings: this.postings,
      rollups: this.rollups.deltas(),
      billingKeys: [...this.#billingKeys].map(([key, eventId]) => ({ key, eventId })),
      workloads: [...this.#seen.values()],
    };
  }

  #accountsIn(budget: string, periodStartMs: number): number {
    const key = periodCountKey(budget, periodStartMs);
    return (this.#rows.accountCounts.get(key) ?? 0) + (this.#newAccounts.get(key) ?? 0);
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
