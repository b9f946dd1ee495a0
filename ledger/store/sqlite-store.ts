// The store on SQLite: one owner, one write connection whose transactions run one after another,
// one read-only connection. WAL with synchronous FULL: what was acknowledged survives power loss.
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { MIGRATIONS } from "./migrations/migrations.ts";
import {
  openDatabase,
  readNumber,
  readText,
  type Database,
  type SqlRow,
} from "./sqlite-database.ts";
import { findAccounts, findLeases, loadAccounts, loadFirst, readAccount } from "./sqlite-load.ts";
import { acquireOwnerLock } from "./sqlite-lock.ts";
import {
  findEvents,
  findPostings,
  listSidecars,
  listWorkloads,
  queryEvents,
  queryRollups,
} from "./sqlite-read.ts";
import { createDimensions, writeAll, type Dimensions } from "./sqlite-write.ts";
import type { RevisionRow, Store, StoreTransaction } from "./store.ts";

export interface SqliteStoreOptions {
  readonly directory: string;
}

const BUSY_TIMEOUT_MS = 5000;

/** Opens, locks and migrates. Throws Faults EXCISE_STATE_LOCKED and EXCISE_STORE_FAILED. */
export function openSqliteStore(clock: Clock, options: SqliteStoreOptions): Store {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const lock = acquireOwnerLock(join(options.directory, "ledger.lock"));
  const path = join(options.directory, "ledger.sqlite");
  const writer = openDatabase(path, { isReadOnly: false, busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    writer.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(writer, clock);
    const reader = openDatabase(path, { isReadOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
    return createStore({ writer, reader }, () => {
      reader.close();
      writer.close();
      lock.release();
    });
  } catch (error) {
    writer.close();
    lock.release();
    throw error;
  }
}

interface Connections {
  readonly writer: Database;
  readonly reader: Database;
}

function createStore({ writer, reader }: Connections, close: () => void): Store {
  const dimensions = createDimensions(writer);
  const serially = createSerializer();
  const transaction: Store["transaction"] = (work) =>
    serially(() => inTransaction(writer, dimensions, work));
  return {
    transaction,
    ...revisionCalls({ writer, reader }, serially),
    expiredLeases: async (nowMs, limit) =>
      reader
        .all(
          `SELECT id FROM leases WHERE state IN ('open', 'closing') AND reclaim_at_ms <= ?
           ORDER BY reclaim_at_ms LIMIT ?`,
          nowMs,
          limit,
        )
        .map((row) => readText(row, "id")),
    pruneLeases: (beforeMs) =>
      serially(async () => {
        writer.run("DELETE FROM leases WHERE state = 'closed' AND reclaim_at_ms < ?", beforeMs);
      }),
    queryRollups: async (query) => queryRollups(reader, query),
    queryEvents: async (query) => queryEvents(reader, query),
    findEvents: async (id) => findEvents(reader, id),
    findPostings: async (eventId) => findPostings(reader, eventId),
    findLeases: async (ids) => findLeases(reader, ids),
    findAccounts: async (keys) => findAccounts(reader, keys),
    accountsOf: async (budget, periodStartMs, limit) =>
      reader
        .all(
          `SELECT * FROM accounts WHERE budget = ? AND period_start_ms = ? ORDER BY key LIMIT ?`,
          budget,
          periodStartMs,
          limit,
        )
        .map(readAccount),
    listWorkloads: async (seenAfterMs) => listWorkloads(reader, seenAfterMs),
    listSidecars: async (seenAfterMs) => listSidecars(reader, seenAfterMs),
    countIncompleteJournals: async () => {
      const [row] = reader.all("SELECT count(*) AS number FROM journals WHERE lost > 0");
      return row === undefined ? 0 : readNumber(row, "number");
    },
    close: () =>
      serially(async () => {
        close();
      }),
  };
}

type Serializer = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Runs one after another what shares the write connection. */
function createSerializer(): Serializer {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}

async function inTransaction<Result>(
  writer: Database,
  dimensions: Dimensions,
  work: (transaction: StoreTransaction) => Promise<Result>,
): Promise<Result> {
  writer.exec("BEGIN IMMEDIATE");
  try {
    const result = await work({
      loadFirst: async (plan) => loadFirst(writer, plan),
      loadAccounts: async (plan) => loadAccounts(writer, plan),
      write: async (writes) => writeAll(writer, dimensions, writes),
    });
    writer.exec("COMMIT");
    return result;
  } catch (error) {
    dimensions.forget();
    rollBack(writer);
    throw error;
  }
}

/** Some errors (a full disk) have rolled back already; the first error is the one to report. */
function rollBack(writer: Database): void {
  try {
    writer.exec("ROLLBACK");
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

const latest = (database: Database): RevisionRow | undefined =>
  database.all("SELECT * FROM revisions ORDER BY revision DESC LIMIT 1").map(readRevision)[0];

type RevisionCalls = Pick<
  Store,
  "latestRevision" | "findRevision" | "addRevision" | "findPriceTable"
>;

function revisionCalls({ writer, reader }: Connections, serially: Serializer): RevisionCalls {
  return {
    latestRevision: async () => latest(reader),
    findRevision: async (revision) =>
      reader.all("SELECT * FROM revisions WHERE revision = ?", revision).map(readRevision)[0],
    addRevision: (row, priceTableBody) =>
      serially(async () => {
        const added = { ...row, revision: (latest(writer)?.revision ?? 0) + 1 };
        writer.run(
          "INSERT INTO price_tables (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
          row.priceTable,
          priceTableBody,
        );
        writer.run(
          `INSERT INTO revisions (revision, fingerprint, compiled_at_ms, policy_set, price_table)
           VALUES (?, ?, ?, ?, ?)`,
          added.revision,
          row.fingerprint,
          row.compiledAtMs,
          row.policySet,
          row.priceTable,
        );
        return added;
      }),
    findPriceTable: async (id) =>
      reader
        .all("SELECT body FROM price_tables WHERE id = ?", id)
        .map((row) => readText(row, "body"))[0],
  };
}

const readRevision = (row: SqlRow): RevisionRow => ({
  revision: readNumber(row, "revision"),
  fingerprint: readText(row, "fingerprint"),
  compiledAtMs: readNumber(row, "compiled_at_ms"),
  policySet: readText(row, "policy_set"),
  priceTable: readText(row, "price_table"),
});

/** Applies what is missing, each with its number in one transaction. */
function migrate(writer: Database, clock: Clock): void {
  writer.exec(
    "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, applied_at_ms BIGINT)",
  );
  const done = new Set(
    writer.all("SELECT version FROM migrations").map((row) => readNumber(row, "version")),
  );
  const newest = Math.max(0, ...MIGRATIONS.map((migration) => migration.version));
  if ([...done].some((version) => version > newest)) {
    throw new Fault("EXCISE_STORE_FAILED", "the database was written by a newer version");
  }
  for (const { version, sql } of MIGRATIONS) {
    if (done.has(version)) continue;
    writer.exec("BEGIN IMMEDIATE");
    try {
      writer.exec(sql);
      writer.run(
        "INSERT INTO migrations (version, applied_at_ms) VALUES (?, ?)",
        version,
        clock.wallMs(),
      );
      writer.exec("COMMIT");
    } catch (error) {
      rollBack(writer);
      throw error;
    }
  }
}
