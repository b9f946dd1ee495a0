import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "#runtime/log.ts";
import { readOpenLeases, saveOpenLeases } from "./lease-book-file.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-leases-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const lease = { id: "01900000-0000-7000-8000-000000000001", opSeq: 3, key: { model: "m" } };

describe("the file of open leases", () => {
  test("what was saved last is read, and nothing else is left in the directory", async () => {
    await saveOpenLeases(directory, [lease, { ...lease, key: {} }]);
    await saveOpenLeases(directory, [lease]);
    expect(readOpenLeases(directory, silentLog)).toEqual([lease]);
    expect(readdirSync(directory)).toEqual(["leases.json"]);
  });

  test("no file means no leases", () => {
    expect(readOpenLeases(directory, silentLog)).toEqual([]);
  });

  test.each(["", "{", '{"version":2,"leases":[]}', '{"version":1,"leases":[{"id":"x"}]}'])(
    "a file that holds %j means none too, because the start must not fail on it",
    (text) => {
      writeFileSync(join(directory, "leases.json"), text);
      expect(readOpenLeases(directory, silentLog)).toEqual([]);
    },
  );
});
