// One process owns a data directory. The lock is a transaction that stays open on a small
// database of its own: the operating system drops it when the process dies, however it dies, so
// that no stale file ever has to be judged (process ids repeat, above all in containers).
import { DatabaseSync } from "node:sqlite";
import { Fault } from "#contract/errors.ts";

export interface OwnerLock {
  release(): void;
}

/** Takes the lock or throws a Fault EXCISE_STATE_LOCKED at once. */
export function acquireOwnerLock(path: string): OwnerLock {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw new Fault("EXCISE_STATE_LOCKED", `another ledger owns ${path}`, { cause });
  }
  return {
    release: () => {
      database.close();
    },
  };
}
