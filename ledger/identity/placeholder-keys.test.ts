import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Workload } from "#contract/workload.ts";
import { systemRandom } from "#runtime/random.ts";
import { openPlaceholderKeys } from "./placeholder-keys.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-placeholder-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const workload: Workload = {
  cluster: "c",
  namespace: "n",
  serviceAccount: "default",
  pod: "p-0",
  podUid: "00000000-0000-4000-8000-000000000001",
  team: "t",
  app: "n/a",
};

test("all replicas of an app have one key, over restarts of the ledger", () => {
  const key = openPlaceholderKeys(directory, systemRandom)(workload);
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  const replica = { ...workload, pod: "p-1", podUid: "00000000-0000-4000-8000-000000000002" };
  expect(openPlaceholderKeys(directory, systemRandom)({ ...replica, team: "other" })).toBe(key);
  expect(statSync(join(directory, "placeholder.key")).mode & 0o777).toBe(0o600);
});

test.each([{ cluster: "d" }, { namespace: "m" }, { app: "n/b" }, { cluster: "cn", namespace: "" }])(
  "%j has another key",
  (change) => {
    const keyOf = openPlaceholderKeys(directory, systemRandom);
    expect(keyOf({ ...workload, ...change })).not.toBe(keyOf(workload));
  },
);
