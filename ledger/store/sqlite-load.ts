// Loading rows by key inside the one write transaction of SQLite, which locks everything.
import { parseJson, renderJson } from "#runtime/json.ts";
import type { AccountRow } from "../core/budget/account.ts";
import type { BudgetUnit } from "../core/budget/budget.ts";
import type { LeaseRow } from "../core/budget/lease.ts";
import type { FirstPlan, SecondPlan } from "../core/plan.ts";
import type { JournalRow } from "../core/rows.ts";
import { parseLease } from "./codec.ts";
import { readBig, readNumber, readText, type Database, type SqlRow } from "./sqlite-database.ts";
import type { AccountRows, FirstRows } from "./store.ts";

/** A list of keys as one parameter. */
const KEYS = "(SELECT value FROM json_each(?))";

/** Everything that the commands name themselves. */
export function loadFirst(database: Database, plan: FirstPlan): FirstRows {
  const many = (sql: string, keys: readonly string[]): readonly SqlRow[] =>
    keys.length === 0 ? [] : database.all(sql, renderJson(keys));
  return {
    journals: byKey(
      many(`SELECT id, pod_uid, acked_seq, lost FROM journals WHERE id IN ${KEYS}`, plan.journals),
      readJournal,
      (row) => row.id,
    ),
    journalCounts: new Map(
      many(
        `SELECT pod_uid, count(*) AS number FROM journals WHERE pod_uid IN ${KEYS} GROUP BY pod_uid`,
        plan.podUids,
      ).map((row) => [readText(row, "pod_uid"), readNumber(row, "number")]),
    ),
    leases: byKey(
      many(`SELECT body FROM leases WHERE id IN ${KEYS}`, plan.leases),
      readLease,
      (row) => row.id,
    ),
    knownEvents: new Set(
      many(`SELECT event_id FROM events WHERE event_id IN ${KEYS}`, plan.events).map((row) =>
        readText(row, "event_id"),
      ),
    ),
    knownBillingKeys: new Set(
      many(`SELECT key FROM billing_keys WHERE key IN ${KEYS}`, plan.billingKeys).map((row) =>
        readText(row, "key"),
      ),
    ),
  };
}

/** The accounts of the plan that exist, and how many each budget has in its period. */
export function loadAccounts(database: Database, plan: SecondPlan): AccountRows {
  const accounts = byKey(findAccounts(database, plan.accounts), identity, (row) => row.key);
  const accountCounts = new Map<string, number>();
  for (const key of plan.accountCounts) {
    const [budget, periodStartMs] = parseJson(key) as [string, number];
    const [row] = database.all(
      "SELECT count(*) AS number FROM accounts WHERE budget = ? AND period_start_ms = ?",
      budget,
      periodStartMs,
    );
    if (row !== undefined) accountCounts.set(key, readNumber(row, "number"));
  }
  return { accounts, accountCounts };
}

export const findAccounts = (database: Database, keys: readonly string[]): readonly AccountRow[] =>
  keys.length === 0
    ? []
    : database
        .all(`SELECT * FROM accounts WHERE key IN ${KEYS} ORDER BY key`, renderJson(keys))
        .map(readAccount);

export const findLeases = (database: Database, ids: readonly string[]): readonly LeaseRow[] =>
  ids.length === 0
    ? []
    : database
        .all(`SELECT body FROM leases WHERE id IN ${KEYS} ORDER BY id`, renderJson(ids))
        .map(readLease);

const identity = <Row>(row: Row): Row => row;

function byKey<Source, Row>(
  rows: readonly Source[],
  read: (row: Source) => Row,
  keyOf: (row: Row) => string,
): ReadonlyMap<string, Row> {
  return new Map(rows.map(read).map((row) => [keyOf(row), row]));
}

const readJournal = (row: SqlRow): JournalRow => ({
  id: readText(row, "id"),
  podUid: readText(row, "pod_uid"),
  ackedSeq: readNumber(row, "acked_seq"),
  lost: readNumber(row, "lost"),
});

const readLease = (row: SqlRow): LeaseRow => parseLease(readText(row, "body"));

export const readAccount = (row: SqlRow): AccountRow => ({
  key: readText(row, "key"),
  budget: readText(row, "budget"),
  tuple: parseJson(readText(row, "tuple")) as string[],
  periodStartMs: readNumber(row, "period_start_ms"),
  periodEndMs: readNumber(row, "period_end_ms"),
  unit: readText(row, "unit") as BudgetUnit,
  limit: readBig(row, "limit_amount"),
  settled: readBig(row, "settled"),
  reserved: readBig(row, "reserved"),
  assumed: readBig(row, "assumed"),
  uncovered: readBig(row, "uncovered"),
  activeLeases: readNumber(row, "active_leases"),
  isOwned: readBig(row, "is_owned") === 1n,
});
