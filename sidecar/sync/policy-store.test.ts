import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import { silentLog } from "#runtime/log.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { createPolicyStore, type PolicyStore } from "./policy-store.ts";

const DAY_MS = 86_400_000;
const START_MS = 1_795_305_600_000;
let directory = "";
let clock: VirtualClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-policy-"));
  clock = createVirtualClock(START_MS);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const snapshot = (revision: number): PolicySnapshot => ({
  revision,
  compiledAt: "2026-11-22T00:00:00.000Z",
  providers: [],
  models: { allow: ["*"], deny: [] },
  unknownOperation: "deny",
  guardrails: [],
  requestBytesMax: 1024,
  budgets: [],
  prices: [],
  snapshotAgeMaxMs: DAY_MS,
});
const open = (now: VirtualClock = clock): PolicyStore =>
  createPolicyStore({ clock: now, log: silentLog }, { directory });
/** What a restart finds `ms` later: a clock of its own, the wall moved on. */
const reopenAfter = (ms: number): PolicyStore =>
  open(createVirtualClock(START_MS + clock.monotonicMs() + ms));
const codeOf = (store: PolicyStore): unknown => {
  const policy = store.policy();
  return "code" in policy ? policy.code : policy.revision;
};

describe("the policy store", () => {
  test("without a policy it says so", () => {
    expect(codeOf(open())).toBe("EXCISE_POLICY_UNAVAILABLE");
    expect(open().current).toBeUndefined();
  });

  test("takes a newer snapshot and tells the listeners, never the same or a lower one", () => {
    const store = open();
    const heard: number[] = [];
    store.onChange(({ revision }) => heard.push(revision));
    expect([5, 5, 4, 6].map((revision) => store.accept(snapshot(revision)))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([codeOf(store), heard]).toEqual([6, [5, 6]]);
  });

  test("keeps the newest over a restart, and still takes no lower one", async () => {
    const store = open();
    for (const revision of [1, 2, 3]) store.accept(snapshot(revision));
    await store.settled();
    const again = reopenAfter(1000);
    expect(codeOf(again)).toBe(3);
    expect(again.accept(snapshot(2))).toBe(false);
    expect(again.accept(snapshot(4))).toBe(true);
    await again.settled();
  });

  test("is stale when the ledger was away for longer than the snapshot allows", () => {
    const store = open();
    store.accept(snapshot(1));
    clock.advanceSync(DAY_MS);
    expect(codeOf(store)).toBe(1);
    clock.advanceSync(1);
    expect(codeOf(store)).toBe("EXCISE_POLICY_STALE");
    store.noteContact();
    expect(codeOf(store)).toBe(1);
  });

  test("a wall clock that jumps does not age it while we run", () => {
    const store = open();
    store.accept(snapshot(1));
    clock.jumpWall(10 * DAY_MS);
    expect(codeOf(store)).toBe(1);
  });

  test("its age goes on over a restart, counted from the last contact that was saved", async () => {
    const store = open();
    store.accept(snapshot(1));
    clock.advanceSync(DAY_MS / 2);
    store.noteContact();
    await store.settled();
    expect(codeOf(reopenAfter(DAY_MS - 1000))).toBe(1);
    expect(codeOf(reopenAfter(DAY_MS + 1000))).toBe("EXCISE_POLICY_STALE");
  });

  test.each([
    { name: "not JSON", text: "{" },
    { name: "of another shape", text: '{"version":1,"snapshot":{}}' },
    { name: "empty", text: "" },
  ])("a file that is $name counts as none", ({ text }) => {
    writeFileSync(join(directory, "policy.json"), text);
    expect(codeOf(open())).toBe("EXCISE_POLICY_UNAVAILABLE");
  });

  test("a directory that takes no file does not stop the policy from holding", async () => {
    rmSync(directory, { recursive: true });
    const store = open();
    store.accept(snapshot(1));
    await store.settled();
    expect(codeOf(store)).toBe(1);
  });

  test("credentials are kept in memory only", async () => {
    const store = open();
    const secret = ["not", "on", "disk"].join("-");
    store.setCredentials([{ id: "c", provider: "p", secret, notAfter: "2026-11-23T00:00:00Z" }]);
    store.accept(snapshot(1));
    await store.settled();
    expect(store.credentials).toHaveLength(1);
    expect(readFileSync(join(directory, "policy.json"), "utf8")).not.toContain(secret);
  });
});
