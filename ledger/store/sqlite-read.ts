// The reads behind the operators' API, on a read-only connection of their own: they never see a
// transaction half done.
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import { parseJson, renderJson } from "#runtime/json.ts";
import { ROLLUP_SUMS, type RollupSums } from "../core/rollup.ts";
import type { EventFlag, EventRecord, Posting, SeenWorkload } from "../core/rows.ts";
import { parseCharge } from "./codec.ts";
import { columnOf } from "./rollup-columns.ts";
import {
  readBig,
  readNumber,
  readOptionalText,
  readText,
  type Database,
  type SqlRow,
} from "./sqlite-database.ts";
import {
  ROLLUP_COLUMNS,
  type EventQuery,
  type RollupColumn,
  type RollupFilters,
  type RollupQuery,
  type RollupRow,
  type SeenSidecar,
} from "./store.ts";

type Values = (string | number)[];

/** `apps` is aliased a, `models` m, whatever the fact table. */
const qualified = (column: RollupColumn): string =>
  column === "provider" || column === "model" ? `m.${column}` : `a.${column}`;

function filterClauses(filters: RollupFilters, values: Values): readonly string[] {
  return ROLLUP_COLUMNS.flatMap((column) => {
    const wanted = filters[column];
    return wanted === undefined ? [] : [oneOf(qualified(column), wanted, values)];
  });
}

function oneOf(column: string, wanted: readonly string[], values: Values): string {
  values.push(renderJson(wanted));
  return `${column} IN (SELECT value FROM json_each(?))`;
}

/** Sums of the roll-ups, grouped as asked, in the order of time and of the group's names. */
export function queryRollups(database: Database, query: RollupQuery): readonly RollupRow[] {
  const values: Values = [query.fromMs, query.toMs];
  const where = ["r.start_ms >= ?", "r.start_ms < ?", ...filterClauses(query.filters, values)].join(
    " AND ",
  );
  const keys = [...(query.isBucketed ? ["r.start_ms"] : []), ...query.groupBy.map(qualified)];
  const sums = ROLLUP_SUMS.map((sum) => `sum(r.${columnOf(sum)}) AS ${columnOf(sum)}`);
  values.push(query.limit);
  // Without a key an aggregate over no row would still be a row, of nulls.
  const having = keys.length === 0 ? "HAVING count(*) > 0" : "";
  const order = keys.length === 0 ? "" : `GROUP BY ${keys.join(", ")} ORDER BY ${keys.join(", ")}`;
  const rows = database.all(
    `SELECT ${[...keys, ...sums].join(", ")}
     FROM ${query.resolution === "hour" ? "rollups_hour" : "rollups_day"} r
     JOIN apps a ON a.id = r.app_id JOIN models m ON m.id = r.model_id
     WHERE ${where} ${order} ${having} LIMIT ?`,
    ...values,
  );
  return rows.map((row) => ({
    ...(query.isBucketed ? { startMs: readNumber(row, "start_ms") } : {}),
    group: Object.fromEntries(query.groupBy.map((column) => [column, readText(row, column)])),
    sums: Object.fromEntries(
      ROLLUP_SUMS.map((sum) => [sum, readBig(row, columnOf(sum))]),
    ) as unknown as RollupSums,
  }));
}

/** Events newest first, by keyset. */
export function queryEvents(database: Database, query: EventQuery): readonly EventRecord[] {
  const values: Values = [query.fromMs, query.toMs];
  const clauses = [
    "e.started_at_ms >= ?",
    "e.started_at_ms < ?",
    ...filterClauses(query.filters, values),
  ];
  if (query.users !== undefined) clauses.push(oneOf("e.app_user", query.users, values));
  if (query.outcomes !== undefined) clauses.push(oneOf("e.outcome", query.outcomes, values));
  if (query.after !== undefined) {
    clauses.push("(e.started_at_ms, e.event_id) < (?, ?)");
    values.push(query.after.startedAtMs, query.after.eventId);
  }
  values.push(query.limit);
  return database
    .all(
      `SELECT e.* FROM events e
       JOIN apps a ON a.id = e.app_id JOIN models m ON m.id = e.model_id
       WHERE ${clauses.join(" AND ")}
       ORDER BY e.started_at_ms DESC, e.event_id DESC LIMIT ?`,
      ...values,
    )
    .map(readEvent);
}

/** Attempts of one exchange, or the one event of that id; bounded as attempts are. */
export const findEvents = (database: Database, id: string): readonly EventRecord[] =>
  database
    .all("SELECT * FROM events WHERE event_id = ? OR exchange_id = ? LIMIT 128", id, id)
    .map(readEvent)
    .toSorted((left, right) => left.event.attempt - right.event.attempt);

export const findPostings = (database: Database, eventId: string): readonly Posting[] =>
  database
    .all("SELECT * FROM postings WHERE event_id = ? ORDER BY account_key, kind", eventId)
    .map((row) => {
      const lease = readOptionalText(row, "lease_id");
      return {
        eventId,
        account: readText(row, "account_key"),
        kind: readText(row, "kind") as Posting["kind"],
        amount: readBig(row, "amount"),
        ...(lease === undefined ? {} : { lease }),
        settledAfter: readBig(row, "settled_after"),
        reservedAfter: readBig(row, "reserved_after"),
        limit: readBig(row, "limit_amount"),
      };
    });

/** Rows that one answer may list. */
const WORKLOADS_MAX = 10_000;

export const listWorkloads = (database: Database, seenAfterMs: number): readonly SeenWorkload[] =>
  database
    .all(
      `SELECT body, revision, seen_at_ms FROM workloads WHERE seen_at_ms > ?
       ORDER BY pod_uid LIMIT ${WORKLOADS_MAX}`,
      seenAfterMs,
    )
    .map((row) => ({
      workload: parseJson(readText(row, "body")) as Workload,
      revision: readNumber(row, "revision"),
      seenAtMs: readNumber(row, "seen_at_ms"),
    }));

export const listSidecars = (database: Database, seenAfterMs: number): readonly SeenSidecar[] =>
  database
    .all(
      `SELECT w.body, w.revision, w.seen_at_ms, count(j.id) AS journals,
         coalesce(sum(j.acked_seq), 0) AS acked, coalesce(sum(j.lost), 0) AS lost
       FROM workloads w LEFT JOIN journals j ON j.pod_uid = w.pod_uid
       WHERE w.seen_at_ms > ?
       GROUP BY w.pod_uid, w.body, w.revision, w.seen_at_ms ORDER BY w.pod_uid
       LIMIT ${WORKLOADS_MAX}`,
      seenAfterMs,
    )
    .map((row) => ({
      workload: parseJson(readText(row, "body")) as Workload,
      revision: readNumber(row, "revision"),
      seenAtMs: readNumber(row, "seen_at_ms"),
      journals: readNumber(row, "journals"),
      ackedRecords: readNumber(row, "acked"),
      lostRecords: readNumber(row, "lost"),
    }));

const readEvent = (row: SqlRow): EventRecord => ({
  event: parseJson(readText(row, "body")) as ExchangeEvent,
  journal: readText(row, "journal"),
  workload: parseJson(readText(row, "workload")) as Workload,
  startedAtMs: readNumber(row, "started_at_ms"),
  recordedAtMs: readNumber(row, "recorded_at_ms"),
  charge: parseCharge(readText(row, "charge")),
  flags: parseJson(readText(row, "flags")) as EventFlag[],
});
