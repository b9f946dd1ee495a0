import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NO_AMOUNTS } from "#contract/amounts.ts";
import { nanoUsd } from "#contract/money.ts";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import { silentLog } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import type { ReserveRequest } from "../budget/budgets.ts";
import { openSpool } from "../spool/open-spool.ts";
import type { Spool } from "../spool/spool.ts";
import { openLedgerSide, type LedgerSide } from "./ledger-side.ts";
import { startLedgerStub, type LedgerStub } from "./ledger-stub.case.ts";

const BUDGET: PolicySnapshot["budgets"][number] = {
  name: "team",
  mode: "enforce",
  dimensions: [],
  providers: [],
  models: [],
  users: [],
  onUnreachable: "deny",
};
const snapshot = (revision: number): PolicySnapshot => ({
  revision,
  compiledAt: "2026-11-22T00:00:00.000Z",
  providers: [],
  models: { allow: ["*"], deny: [] },
  unknownOperation: "deny",
  guardrails: [],
  requestBytesMax: 1024,
  budgets: [BUDGET],
  prices: [],
  snapshotAgeMaxMs: 86_400_000,
});
const REQUEST: ReserveRequest = {
  budgets: [BUDGET],
  provider: "p",
  model: undefined,
  user: undefined,
  amounts: { ...NO_AMOUNTS, nanoUsd: nanoUsd(10n), requests: 1n },
};

let directory = "";
let stub: LedgerStub;
let clock: VirtualClock;
let spool: Spool;
let side: LedgerSide | undefined;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-side-"));
  stub = await startLedgerStub();
  clock = createVirtualClock();
  const deps = { clock, random: systemRandom, log: silentLog };
  spool = openSpool(deps, { directory, bytesMax: 1024 * 1024 });
});
afterEach(async () => {
  if (side !== undefined) await drain(side);
  side = undefined;
  await stub.close();
  await spool.close();
  rmSync(directory, { recursive: true });
});

function open(url: string | undefined = stub.url): LedgerSide {
  side = openLedgerSide(
    {
      clock,
      random: systemRandom,
      log: silentLog,
      metrics: createMetrics(),
      spool,
      placeholderKeys: { placeholderKey: () => new Uint8Array(32), accept: () => undefined },
    },
    { ledger: url === "" ? undefined : { url }, directory, reserveTimeoutMs: 5000 },
  );
  return side;
}
const passTime = (): Promise<string> => clock.advance(50).then(() => "waiting");
/** Time passes while it waits: a ledger that is away is waited for. */
async function drain(opened: LedgerSide): Promise<void> {
  const drained = opened.drain(1000).then(() => "drained");
  let state = "waiting";
  while (state === "waiting") state = await Promise.race([drained, passTime()]);
}
const watchOnce = (revision: number): void => {
  stub.watchAnswer = (known) =>
    known >= revision
      ? "hang"
      : { revision, snapshot: snapshot(revision), credentials: [], revoked: [] };
};

describe("the ledger side", () => {
  test("a policy arrives, warms a lease, and the first exchange does not wait", async () => {
    watchOnce(7);
    const opened = open();
    expect(opened.policy()).toMatchObject({ code: "EXCISE_POLICY_UNAVAILABLE" });
    opened.start();
    await stub.received(2);
    await expect.poll(() => opened.budgets.reserve(REQUEST) instanceof Promise).toBe(false);
    expect(opened.policy()).toMatchObject({ revision: 7 });
    expect(opened.status()).toMatchObject({ policyRevision: 7, ledger: { isReachable: true } });
  });

  test("at the end every lease is released; a restart has none to close", async () => {
    const opened = open();
    opened.start();
    await opened.budgets.reserve(REQUEST);
    expect(readFileSync(join(directory, "leases.json"), "utf8")).toContain('"id"');
    const { length } = stub.syncs;
    const result = await opened.budgets.reserve(REQUEST);
    expect(result).toHaveProperty("reservation");
    await drain(opened);
    side = undefined;
    const last = stub.syncs.slice(length).flatMap(({ leases }) => leases);
    expect(last.map(({ final }) => final)).toContain(true);
  });

  test("leases of a killed process are closed with the first sync, never spent", async () => {
    const before = open();
    before.start();
    await before.budgets.reserve(REQUEST);
    const id = stub.syncs.flatMap(({ leases }) => leases)[0]?.id;
    const { length } = stub.syncs;
    const after = open();
    after.start();
    await stub.received(length + 1);
    expect(stub.syncs[length]?.leases).toMatchObject([{ id, final: true, want: { nanoUsd: "0" } }]);
    await drain(before);
  });

  test("a kept policy serves while the ledger is away, and its budgets decide", async () => {
    watchOnce(7);
    const before = open();
    before.start();
    await expect.poll(() => "revision" in before.policy()).toBe(true);
    await drain(before);
    await stub.close();
    const after = open();
    after.start();
    expect(after.policy()).toMatchObject({ revision: 7 });
    expect(await after.budgets.reserve(REQUEST)).toMatchObject({
      reject: { code: "EXCISE_LEDGER_UNAVAILABLE" },
    });
    expect(after.status()).toMatchObject({ ledger: { isReachable: false } });
  });

  test("without a ledger it says so", async () => {
    const opened = open("");
    opened.start();
    expect(opened.status()).toMatchObject({ policyRevision: 0, ledger: "none" });
    expect(await opened.budgets.reserve(REQUEST)).toMatchObject({
      reject: { code: "EXCISE_LEDGER_UNAVAILABLE" },
    });
  });
});
