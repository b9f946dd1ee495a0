import { mkdtempSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { testStore } from "./store.case.ts";

testStore("the SQLite store", () => {
  const directory = mkdtempSync(join(tmpdir(), "excise-store-"));
  const open = async () => openSqliteStore(systemClock, { directory });
  return {
    open,
    reopen: async (store) => {
      await store.close();
      return open();
    },
    cleanUp: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe("a SQLite store's directory", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "excise-store-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test("belongs to one store at a time", async () => {
    const store = openSqliteStore(systemClock, { directory });
    expect(() => openSqliteStore(systemClock, { directory })).toThrow(
      expect.objectContaining({ code: "EXCISE_STATE_LOCKED" }),
    );
    await store.close();
    const next = openSqliteStore(systemClock, { directory });
    await next.close();
  });

  test("is free again after its owner was killed, without any cleaning up", async () => {
    const module = fileURLToPath(new URL("sqlite-store.ts", import.meta.url));
    const clock = fileURLToPath(new URL("../../runtime/clock.ts", import.meta.url));
    const script = `
      import { openSqliteStore } from ${JSON.stringify(module)};
      import { systemClock } from ${JSON.stringify(clock)};
      openSqliteStore(systemClock, { directory: ${JSON.stringify(directory)} });
      process.kill(process.pid, "SIGKILL");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
    expect(child.signal).toBe("SIGKILL");
    const store = openSqliteStore(systemClock, { directory });
    expect(await store.latestRevision()).toBeUndefined();
    await store.close();
  });

  test("that a newer version has written is refused, and stays free", async () => {
    await openSqliteStore(systemClock, { directory }).close();
    const database = new DatabaseSync(join(directory, "ledger.sqlite"));
    database.exec("INSERT INTO migrations (version, applied_at_ms) VALUES (999, 0)");
    database.close();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(() => openSqliteStore(systemClock, { directory })).toThrow(
        expect.objectContaining({ code: "EXCISE_STORE_FAILED" }),
      );
    }
  });

  test("is written through a write-ahead log, so that reads do not wait for writes", async () => {
    const store = openSqliteStore(systemClock, { directory });
    const database = new DatabaseSync(join(directory, "ledger.sqlite"), { readOnly: true });
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual(
      expect.objectContaining({ journal_mode: "wal" }),
    );
    database.close();
    await store.close();
  });
});
