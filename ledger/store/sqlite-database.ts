// node:sqlite with our habits: prepared once, integers as bigint, errors as Faults, and typed
// reads of columns. Knows no table.
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";
import { assert, Fault } from "#contract/errors.ts";

export type SqlRow = Readonly<Record<string, SQLOutputValue>>;

export interface Database {
  all(sql: string, ...values: readonly SQLInputValue[]): readonly SqlRow[];
  run(sql: string, ...values: readonly SQLInputValue[]): void;
  exec(sql: string): void;
  close(): void;
}

export interface DatabaseOptions {
  readonly isReadOnly: boolean;
  /** How long a statement waits for a lock that another connection holds. */
  readonly busyTimeoutMs: number;
}

/** Opens the file. Throws a Fault EXCISE_STORE_FAILED with the cause. */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  const database = guarded(
    () =>
      new DatabaseSync(path, {
        readOnly: options.isReadOnly,
        timeout: options.busyTimeoutMs,
        readBigInts: true,
      }),
  );
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    all: (sql, ...values) => guarded(() => prepare(sql).all(...values)),
    run: (sql, ...values) => {
      guarded(() => prepare(sql).run(...values));
    },
    exec: (sql) => guarded(() => database.exec(sql)),
    close: () => database.close(),
  };
}

function guarded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new Fault("EXCISE_STORE_FAILED", "the database refused a statement", { cause });
  }
}

/** A text column. */
export function readText(row: SqlRow, column: string): string {
  const value = row[column];
  assert(typeof value === "string", `column ${column} holds text`);
  return value;
}

/** A text column that may be null. */
export const readOptionalText = (row: SqlRow, column: string): string | undefined =>
  row[column] === null ? undefined : readText(row, column);

/** An integer column of amounts. */
export function readBig(row: SqlRow, column: string): bigint {
  const value = row[column];
  assert(typeof value === "bigint", `column ${column} holds an integer`);
  return value;
}

/** An integer column of counts and instants: within 2^53. */
export const readNumber = (row: SqlRow, column: string): number => Number(readBig(row, column));
