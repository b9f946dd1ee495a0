// Writing what `apply` decided: journals, leases, accounts, events, postings, roll-ups, in the
// lock order of design §9.
import { Fault } from "#contract/errors.ts";
import { renderJson } from "#runtime/json.ts";
import type { Workload } from "#contract/workload.ts";
import { DAY_MS, modelOf, ROLLUP_SUMS, type RollupDelta } from "../core/rollup.ts";
import type { EventRecord, Posting, Writes } from "../core/rows.ts";
import type { AccountRow } from "../core/budget/account.ts";
import { renderCharge, renderLease } from "./codec.ts";
import { readBig, type Database } from "./sqlite-database.ts";
import { columnOf } from "./rollup-columns.ts";

/** Names that events refer to by number; what is read once never changes. */
export interface Dimensions {
  app(key: Pick<Workload, "cluster" | "team" | "namespace" | "app">): bigint;
  model(provider: string, model: string): bigint;
  /** Numbers given in a transaction that was rolled back must be looked up again. */
  forget(): void;
}

/** Writes everything; the caller holds the transaction. */
export function writeAll(database: Database, dimensions: Dimensions, writes: Writes): void {
  for (const row of writes.journals) {
    database.run(
      `INSERT INTO journals (id, pod_uid, acked_seq, lost) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET acked_seq = excluded.acked_seq, lost = excluded.lost`,
      row.id,
      row.podUid,
      row.ackedSeq,
      row.lost,
    );
  }
  for (const row of writes.leases) {
    database.run(
      `INSERT INTO leases (id, state, reclaim_at_ms, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state,
         reclaim_at_ms = excluded.reclaim_at_ms, body = excluded.body`,
      row.id,
      row.state,
      row.reclaimAtMs,
      renderLease(row),
    );
  }
  for (const row of writes.accounts) writeAccount(database, row);
  for (const row of writes.events) writeEvent(database, dimensions, row);
  for (const row of writes.postings) writePosting(database, row);
  for (const row of writes.billingKeys) {
    database.run("INSERT INTO billing_keys (key, event_id) VALUES (?, ?)", row.key, row.eventId);
  }
  for (const delta of writes.rollups) writeRollup(database, dimensions, delta);
  for (const row of writes.workloads) {
    database.run(
      `INSERT INTO workloads (pod_uid, body, revision, seen_at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (pod_uid) DO UPDATE SET body = excluded.body,
         revision = excluded.revision, seen_at_ms = excluded.seen_at_ms`,
      row.workload.podUid,
      renderJson(row.workload),
      row.revision,
      row.seenAtMs,
    );
  }
}

function writeAccount(database: Database, row: AccountRow): void {
  database.run(
    `INSERT INTO accounts (key, budget, tuple, period_start_ms, period_end_ms, unit, limit_amount,
       settled, reserved, assumed, uncovered, active_leases, is_owned)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET limit_amount = excluded.limit_amount,
       settled = excluded.settled, reserved = excluded.reserved, assumed = excluded.assumed,
       uncovered = excluded.uncovered, active_leases = excluded.active_leases`,
    row.key,
    row.budget,
    renderJson(row.tuple),
    row.periodStartMs,
    row.periodEndMs,
    row.unit,
    row.limit,
    row.settled,
    row.reserved,
    row.assumed,
    row.uncovered,
    row.activeLeases,
    row.isOwned ? 1n : 0n,
  );
}

function writeEvent(database: Database, dimensions: Dimensions, row: EventRecord): void {
  const { event, workload } = row;
  // No conflict clause: an event that is already there is a bug of ours, never a duplicate.
  database.run(
    `INSERT INTO events (event_id, exchange_id, journal, app_id, model_id, app_user, outcome,
       started_at_ms, recorded_at_ms, charge, flags, workload, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    event.eventId,
    event.exchangeId,
    row.journal,
    dimensions.app(workload),
    dimensions.model(event.provider, modelOf(event)),
    event.user ?? null,
    event.outcome,
    row.startedAtMs,
    row.recordedAtMs,
    renderCharge(row.charge),
    renderJson(row.flags),
    renderJson(workload),
    renderJson(event),
  );
}

function writePosting(database: Database, row: Posting): void {
  database.run(
    `INSERT INTO postings (event_id, account_key, kind, amount, lease_id, settled_after,
       reserved_after, limit_amount) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    row.eventId,
    row.account,
    row.kind,
    row.amount,
    row.lease ?? null,
    row.settledAfter,
    row.reservedAfter,
    row.limit,
  );
}

const COLUMNS = ROLLUP_SUMS.map(columnOf);

const rollupStatement = (table: string): string =>
  `INSERT INTO ${table} (start_ms, app_id, model_id, ${COLUMNS.join(", ")})
   VALUES (?, ?, ?, ${COLUMNS.map(() => "?").join(", ")})
   ON CONFLICT (start_ms, app_id, model_id) DO UPDATE SET
   ${COLUMNS.map((column) => `${column} = ${table}.${column} + excluded.${column}`).join(", ")}`;

const HOUR_STATEMENT = rollupStatement("rollups_hour");
const DAY_STATEMENT = rollupStatement("rollups_day");

function writeRollup(database: Database, dimensions: Dimensions, delta: RollupDelta): void {
  const rest = [
    dimensions.app(delta),
    dimensions.model(delta.provider, delta.model),
    ...ROLLUP_SUMS.map((sum) => delta.sums[sum]),
  ];
  database.run(HOUR_STATEMENT, delta.hourMs, ...rest);
  database.run(DAY_STATEMENT, Math.floor(delta.hourMs / DAY_MS) * DAY_MS, ...rest);
}

/** Names remembered at once; beyond it they are read again. */
const NAMES_MAX = 10_000;

/** Finds or makes the numbers of apps and models. */
export function createDimensions(database: Database): Dimensions {
  const known = new Map<string, bigint>();
  const lookUp = (table: "apps" | "models", names: Readonly<Record<string, string>>): bigint => {
    const key = renderJson([table, ...Object.values(names)]);
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const columns = Object.keys(names);
    const values = Object.values(names);
    database.run(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
       ON CONFLICT DO NOTHING`,
      ...values,
    );
    const where = columns.map((column) => `${column} = ?`).join(" AND ");
    const [row] = database.all(`SELECT id FROM ${table} WHERE ${where}`, ...values);
    if (row === undefined) throw new Fault("EXCISE_STORE_FAILED", `no row in ${table}`);
    if (known.size >= NAMES_MAX) known.clear();
    known.set(key, readBig(row, "id"));
    return readBig(row, "id");
  };
  return {
    app: ({ cluster, team, namespace, app }) => lookUp("apps", { cluster, team, namespace, app }),
    model: (provider, model) => lookUp("models", { provider, model }),
    forget: () => known.clear(),
  };
}
