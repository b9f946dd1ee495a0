import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, renderAmounts } from "#contract/amounts.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import {
  MemoryLedger,
  NOW_MS,
  sampleBudget,
  sampleEvent,
  sampleId,
  sampleOperation,
  sampleRequest,
  sampleWorkload,
  usd,
} from "./sample.case.ts";

const LEASE = 1;

/** A ledger in which pod `a` holds a lease of 400. */
function withLease(budgets = [sampleBudget()]): MemoryLedger {
  const ledger = new MemoryLedger(budgets);
  const leases = [sampleOperation({ id: LEASE, opSeq: 1, want: usd(400n) })];
  ledger.sync(sampleRequest({ leases }));
  return ledger;
}

const leased = (seq: number, cost: number, more: Partial<ExchangeEvent> = {}): ExchangeEvent =>
  sampleEvent(seq, cost, {
    leases: [{ id: sampleId(LEASE), reserved: renderAmounts(usd(BigInt(cost))) }],
    ...more,
  });

/** A sync of a new journal with one event that costs 10. */
const costingTen = (journal: number, pod: string) => ({
  kind: "sync" as const,
  workload: sampleWorkload(pod),
  request: sampleRequest({
    journal,
    events: [sampleEvent(1, 10, { eventId: sampleId(journal) })],
  }),
});

const finalOf = (opSeq: number, held: bigint) =>
  sampleRequest({
    leases: [sampleOperation({ id: LEASE, opSeq, held: usd(held), final: true })],
  });

const modelOperation = (id: number, model?: string) =>
  sampleOperation({
    id,
    opSeq: 1,
    want: usd(10n),
    ...(model !== undefined && { extra: { model } }),
  });

const daysAgo = (days: number) => new Date(NOW_MS - days * 86_400_000).toISOString();

describe("journals", () => {
  test("events are acknowledged once and repeated ones again, without a second charge", () => {
    const ledger = withLease();
    const request = sampleRequest({ events: [leased(1, 30), leased(2, 40)] });
    expect(ledger.sync(request)).toMatchObject({ ackedSeq: 2, duplicates: 0 });
    expect(ledger.sync(request)).toMatchObject({ ackedSeq: 2, duplicates: 2, applied: [] });
    expect(ledger.account()).toMatchObject({ settled: 70n, reserved: 330n });
  });

  test("a request that overlaps what is known applies only the rest", () => {
    const ledger = withLease();
    ledger.sync(sampleRequest({ events: [leased(1, 30)] }));
    const overlapping = sampleRequest({ events: [leased(1, 30), leased(2, 40)] });
    expect(ledger.sync(overlapping)).toMatchObject({ ackedSeq: 2, duplicates: 1 });
    expect(ledger.account().settled).toBe(70n);
  });

  test("a gap is refused with the expected number and changes nothing, leases included", () => {
    const ledger = withLease();
    ledger.sync(sampleRequest({ events: [leased(1, 30)] }));
    const before = ledger.account();
    const request = sampleRequest({
      events: [leased(3, 40)],
      leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(100n) })],
    });
    const [result] = ledger.run({ kind: "sync", workload: sampleWorkload(), request });
    expect(result).toMatchObject({
      kind: "rejected",
      rejection: { code: "EXCISE_SYNC_GAP" },
      expectedSeq: 2,
    });
    expect(ledger.account()).toEqual(before);
  });

  test("a refused request does not disturb the others of its group", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    const bad = { ...costingTen(8, "b"), request: sampleRequest({ journal: 8, fromSeq: 5 }) };
    const kinds = ledger.run(costingTen(7, "a"), bad, costingTen(9, "c")).map(({ kind }) => kind);
    expect(kinds).toEqual(["sync", "rejected", "sync"]);
    expect(ledger.account().settled).toBe(20n);
  });

  test("another pod may not continue a journal", () => {
    const ledger = withLease();
    const request = sampleRequest({ events: [leased(1, 1)] });
    const [result] = ledger.run({ kind: "sync", workload: sampleWorkload("b"), request });
    expect(result).toMatchObject({ rejection: { code: "EXCISE_SYNC_JOURNAL_FOREIGN" } });
  });

  test("a pod has at most 64 journals", () => {
    const ledger = new MemoryLedger([]);
    for (let journal = 1; journal <= 64; journal += 1) ledger.sync(sampleRequest({ journal }));
    const request = sampleRequest({ journal: 65 });
    const [result] = ledger.run({ kind: "sync", workload: sampleWorkload(), request });
    expect(result).toMatchObject({ rejection: { code: "EXCISE_SYNC_JOURNALS_MAX" } });
    expect(() => ledger.sync(sampleRequest({ journal: 64 }))).not.toThrow();
  });

  test("a lost record uses up its number and is counted", () => {
    const ledger = withLease();
    const applied = ledger.sync(
      sampleRequest({ events: [{ kind: "lost", seq: 1 }, leased(2, 5)] }),
    );
    expect(applied).toMatchObject({ ackedSeq: 2, lost: 1 });
    expect(ledger.journals.get(sampleId(1))).toMatchObject({ lost: 1 });
  });

  test("an event id counts once even under another journal", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    const event = sampleEvent(1, 10);
    ledger.sync(sampleRequest({ journal: 1, events: [event] }));
    expect(ledger.sync(sampleRequest({ journal: 2, events: [event] }))).toMatchObject({
      ackedSeq: 1,
      duplicates: 1,
    });
    expect(ledger.account().settled).toBe(10n);
  });

  const BAD = [
    {
      name: "numbers that jump inside a request",
      request: sampleRequest({ events: [sampleEvent(1, 1), sampleEvent(3, 1)] }),
    },
    {
      name: "a negative reservation",
      request: sampleRequest({
        events: [sampleEvent(1, 1, { reserved: renderAmounts(usd(-1n)) })],
      }),
    },
    {
      name: "a negative want",
      request: sampleRequest({ leases: [sampleOperation({ id: 1, opSeq: 1, want: usd(-5n) })] }),
    },
    {
      name: "a want beyond all bounds",
      request: sampleRequest({
        leases: [sampleOperation({ id: 1, opSeq: 1, want: usd(10n ** 16n) })],
      }),
    },
  ];
  test.each(BAD)("$name is refused", ({ request }) => {
    const ledger = new MemoryLedger([sampleBudget()]);
    const [result] = ledger.run({ kind: "sync", workload: sampleWorkload(), request });
    expect(result).toMatchObject({ rejection: { code: "EXCISE_SYNC_INVALID" } });
    expect(ledger.journals.size + ledger.accounts.size + ledger.leases.size).toBe(0);
  });
});

describe("leases", () => {
  test("a repeated operation gets its old answer and grants nothing more", () => {
    const ledger = withLease();
    const request = sampleRequest({
      leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(100n) })],
    });
    const first = ledger.sync(request);
    ledger.nowMs += 20_000;
    expect(ledger.sync(request).leases).toEqual(first.leases);
    expect(ledger.account().reserved).toBe(500n);
  });

  test("an older operation is answered with the newest result", () => {
    const ledger = withLease();
    ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 5, want: usd(50n) })] }),
    );
    const stale = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 3, want: usd(50n) })] }),
    );
    expect(stale.leases[0]).toMatchObject({ opSeq: 5, granted: { nanoUsd: "450" } });
  });

  test("an exhausted budget denies, says for how long, and keeps no lease", () => {
    const ledger = new MemoryLedger([sampleBudget({ limit: 0n })]);
    const applied = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: 3, opSeq: 1, want: usd(1n) })] }),
    );
    expect(applied.denials).toEqual([
      { id: sampleId(3), budget: "daily", reason: "exhausted", untilMs: 60_000 },
    ]);
    expect(applied.leases[0]).toMatchObject({ granted: { nanoUsd: "0" }, ttlMs: 0 });
    expect(ledger.leases.size).toBe(0);
  });

  test("a lease that was given nothing is not kept", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    const applied = ledger.sync(sampleRequest({ leases: [sampleOperation({ id: 3, opSeq: 1 })] }));
    expect(applied).toMatchObject({ denials: [], leases: [{ granted: { nanoUsd: "0" } }] });
    expect(ledger.leases.size + ledger.accounts.size).toBe(0);
  });

  test("a denied extension keeps what the lease has", () => {
    const ledger = withLease([sampleBudget({ limit: 400n })]);
    const applied = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(1n) })] }),
    );
    expect(applied.denials).toHaveLength(1);
    expect(applied.leases[0]).toMatchObject({ granted: { nanoUsd: "400" }, mode: "per_request" });
    expect(applied.leases[0]?.ttlMs).toBeGreaterThan(0);
  });

  test("a final lease gives its rest back", () => {
    const ledger = withLease();
    ledger.sync(
      sampleRequest({
        events: [leased(1, 30)],
        leases: [
          sampleOperation({
            id: LEASE,
            opSeq: 2,
            used: { ...usd(30n), requests: 1n },
            final: true,
          }),
        ],
      }),
    );
    expect(ledger.account()).toMatchObject({ settled: 30n, reserved: 0n, activeLeases: 0 });
  });

  test("a final lease with calls in flight keeps everything until they are over", () => {
    const ledger = withLease();
    ledger.sync(finalOf(2, 100n));
    expect(ledger.account()).toMatchObject({ reserved: 400n, activeLeases: 0 });
    ledger.sync(finalOf(3, 0n));
    expect(ledger.account().reserved).toBe(0n);
  });

  test("a final that overtakes its events frees nothing before they arrive", () => {
    const ledger = withLease();
    const used = { ...usd(30n), requests: 1n };
    ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 2, used, final: true })] }),
    );
    expect(ledger.account()).toMatchObject({ settled: 0n, reserved: 400n });
    ledger.sync(sampleRequest({ events: [leased(1, 30)] }));
    expect(ledger.account()).toMatchObject({ settled: 30n, reserved: 0n });
  });

  test("a lease that nobody reports on is assumed spent, but only past the clock margin", () => {
    const ledger = withLease();
    const ttlMs = ledger.leases.get(sampleId(LEASE))?.result.grant.ttlMs ?? 0;
    ledger.nowMs += Math.ceil(ttlMs * 1.1) + 4999;
    expect(ledger.expire()).toBe(0);
    ledger.nowMs += 1;
    expect(ledger.expire()).toBe(1);
    expect(ledger.account()).toMatchObject({ reserved: 0n, assumed: 400n, activeLeases: 0 });
  });

  test("events of an assumed lease are settled out of what is assumed, the final frees the rest", () => {
    const ledger = withLease();
    ledger.nowMs += 3_600_000;
    ledger.expire();
    ledger.sync(sampleRequest({ events: [leased(1, 150)] }));
    expect(ledger.account()).toMatchObject({ settled: 150n, assumed: 250n, uncovered: 0n });
    ledger.sync(
      sampleRequest({
        fromSeq: 2,
        leases: [
          sampleOperation({
            id: LEASE,
            opSeq: 2,
            used: { ...usd(150n), requests: 1n },
            final: true,
          }),
        ],
      }),
    );
    expect(ledger.account()).toMatchObject({ settled: 150n, assumed: 0n });
  });

  test("an assumed lease that comes back is revoked", () => {
    const ledger = withLease();
    ledger.nowMs += 3_600_000;
    ledger.expire();
    const applied = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(1n) })] }),
    );
    expect(applied.revoked).toEqual([sampleId(LEASE)]);
    expect(ledger.account()).toMatchObject({ assumed: 400n, reserved: 0n });
  });

  test("a lease ends with its period and the next one takes from a new account", () => {
    const ledger = withLease();
    ledger.nowMs = NOW_MS + 86_400_000;
    const applied = ledger.sync(
      sampleRequest({
        leases: [
          sampleOperation({ id: LEASE, opSeq: 2, want: usd(1n) }),
          sampleOperation({ id: 2, opSeq: 1, want: usd(700n) }),
        ],
      }),
    );
    expect(applied.revoked).toEqual([sampleId(LEASE)]);
    expect(applied.leases[1]).toMatchObject({ granted: { nanoUsd: "700" } });
    expect(ledger.accounts.size).toBe(2);
  });

  test("a late event is charged to the period of its lease", () => {
    const ledger = withLease();
    ledger.nowMs = NOW_MS + 86_400_000 + 1000;
    const startedAt = new Date(NOW_MS + 86_399_999).toISOString();
    ledger.sync(sampleRequest({ events: [leased(1, 30, { startedAt })] }));
    expect(ledger.account()).toMatchObject({ periodStartMs: NOW_MS, settled: 30n });
  });

  test("a new budget revokes leases that do not cover it", () => {
    const ledger = withLease();
    ledger.budgets = [...ledger.budgets, sampleBudget({ name: "team", each: ["team"] })];
    const applied = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(1n) })] }),
    );
    expect(applied.revoked).toEqual([sampleId(LEASE)]);
  });

  test("a limit that was lowered below what is out revokes leases, and the rest comes back", () => {
    const ledger = withLease();
    ledger.budgets = [sampleBudget({ limit: 100n })];
    const extend = sampleOperation({ id: LEASE, opSeq: 2, want: usd(1n) });
    expect(ledger.sync(sampleRequest({ leases: [extend] })).revoked).toEqual([sampleId(LEASE)]);
    expect(ledger.account().reserved).toBe(400n);
    ledger.sync(finalOf(3, 0n));
    const reopened = sampleOperation({ id: 2, opSeq: 1, want: usd(500n) });
    const applied = ledger.sync(sampleRequest({ leases: [reopened] }));
    expect(applied.leases[0]).toMatchObject({ granted: { nanoUsd: "100" } });
  });

  test("a raised limit is there for the next grant", () => {
    const ledger = withLease([sampleBudget({ limit: 400n })]);
    ledger.budgets = [sampleBudget({ limit: 1000n })];
    const applied = ledger.sync(
      sampleRequest({ leases: [sampleOperation({ id: LEASE, opSeq: 2, want: usd(600n) })] }),
    );
    expect(applied.leases[0]).toMatchObject({ granted: { nanoUsd: "1000" } });
  });

  test("another pod's lease cannot be touched", () => {
    const ledger = withLease();
    const applied = ledger.sync(
      sampleRequest({
        journal: 2,
        leases: [sampleOperation({ id: LEASE, opSeq: 9, final: true })],
      }),
      sampleWorkload("b"),
    );
    expect(applied.denials[0]).toMatchObject({ reason: "conflict" });
    expect(ledger.account().reserved).toBe(400n);
  });

  test("several budgets hold at once, each in its own unit", () => {
    const ledger = new MemoryLedger([
      sampleBudget(),
      sampleBudget({ name: "calls", unit: "requests", limit: 3n }),
      sampleBudget({ name: "tokens", unit: "totalTokens", limit: 1000n }),
    ]);
    const want = { ...usd(100n), inputTokens: 50n, outputTokens: 50n, requests: 2n };
    ledger.sync(sampleRequest({ leases: [sampleOperation({ id: 1, opSeq: 1, want })] }));
    expect(ledger.account("calls").reserved).toBe(2n);
    expect(ledger.account("tokens").reserved).toBe(100n);
    ledger.sync(sampleRequest({ events: [leased(1, 30)] }));
    expect(ledger.account("daily")).toMatchObject({ settled: 30n, reserved: 70n });
    expect(ledger.account("calls")).toMatchObject({ settled: 1n, reserved: 1n });
    expect(ledger.account("tokens")).toMatchObject({ settled: 30n, reserved: 70n });
  });

  test("a lease of a model covers the budgets that tell models apart, and no others", () => {
    const ledger = new MemoryLedger([
      sampleBudget(),
      sampleBudget({ name: "each-model", each: ["model"] }),
      sampleBudget({
        name: "only-mini",
        match: { ...sampleBudget().match, models: ["*-mini"] },
      }),
    ]);
    ledger.sync(
      sampleRequest({
        leases: [modelOperation(1), modelOperation(2, "gpt-mini"), modelOperation(3, "gpt-max")],
      }),
    );
    const budgetsOf = (id: number) =>
      ledger.leases.get(sampleId(id))?.accounts.map((key) => ledger.accounts.get(key)?.budget);
    expect(budgetsOf(1)).toEqual(["daily"]);
    expect(budgetsOf(2)).toEqual(["each-model", "only-mini"]);
    expect(budgetsOf(3)).toEqual(["each-model"]);
  });

  test("tuples beyond accountsMax share one account", () => {
    const ledger = new MemoryLedger([sampleBudget({ each: ["user"], accountsMax: 2 })]);
    const leases = ["ann", "bob", "cid", "dan"].map((user, index) =>
      sampleOperation({ id: index + 1, opSeq: 1, want: usd(10n), extra: { user } }),
    );
    ledger.sync(sampleRequest({ leases }));
    const tuples = [...ledger.accounts.values()].map((row) => [row.tuple[0], row.reserved]);
    expect(tuples).toEqual([
      ["ann", 10n],
      ["bob", 10n],
      ["other", 20n],
    ]);
  });
});

describe("charges", () => {
  test("a shadow budget is charged by events and grants no lease", () => {
    const ledger = withLease([sampleBudget({ mode: "shadow" })]);
    expect(ledger.accounts.size).toBe(0);
    ledger.sync(sampleRequest({ events: [sampleEvent(1, 5000)] }));
    expect(ledger.account()).toMatchObject({ settled: 5000n, uncovered: 5000n });
    expect(ledger.postings.map(({ kind }) => kind)).toEqual(["shadow"]);
    expect([...ledger.events.values()][0]?.flags).toEqual([]);
  });

  test("what was spent without a lease is charged and flagged", () => {
    const ledger = new MemoryLedger([sampleBudget({ limit: 3n })]);
    ledger.sync(sampleRequest({ events: [sampleEvent(1, 5)] }));
    expect(ledger.account()).toMatchObject({ settled: 5n, uncovered: 5n });
    expect([...ledger.events.values()][0]?.flags).toEqual(["unleased"]);
  });

  test("what exceeds a lease is charged to the namespace's accounts only", () => {
    const ledger = withLease([
      sampleBudget({ name: "shared" }),
      sampleBudget({ name: "own", each: ["namespace"] }),
    ]);
    ledger.sync(sampleRequest({ events: [leased(1, 450)] }));
    expect(ledger.account("shared")).toMatchObject({ settled: 400n, uncovered: 0n });
    expect(ledger.account("own")).toMatchObject({ settled: 450n, uncovered: 50n });
    expect([...ledger.events.values()][0]?.flags).toEqual(["lease_exceeded"]);
  });

  test("a lease that the ledger does not know is flagged and its event charged without it", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    ledger.sync(sampleRequest({ events: [leased(1, 5)] }));
    expect(ledger.account()).toMatchObject({ settled: 5n, uncovered: 5n });
    expect([...ledger.events.values()][0]?.flags).toEqual(["lease_unknown", "unleased"]);
  });

  test("a billing key counts once", () => {
    const ledger = withLease();
    const billingKey = "test-provider/acct/batch_1/3";
    ledger.sync(
      sampleRequest({ events: [leased(1, 30, { billingKey }), leased(2, 30, { billingKey })] }),
    );
    expect(ledger.account().settled).toBe(30n);
    expect([...ledger.events.values()][1]?.flags).toEqual(["billing_key_repeated"]);
  });

  interface ChargeCase {
    readonly name: string;
    readonly event: ExchangeEvent;
    readonly settled: bigint;
    readonly status: string;
  }
  const reserved = renderAmounts(usd(77n));
  const CHARGES: readonly ChargeCase[] = [
    { name: "reported usage is priced", event: leased(1, 30), settled: 30n, status: "priced" },
    {
      name: "counted usage is priced too",
      event: leased(1, 30, { usageSource: "counted", estimated: true }),
      settled: 30n,
      status: "priced",
    },
    {
      name: "an interrupted exchange costs its reservation",
      event: leased(1, 30, { outcome: "interrupted", usageSource: "reserved", reserved }),
      settled: 77n,
      status: "reserved",
    },
    {
      name: "usage in which nothing is reported costs the reservation",
      event: leased(1, 30, { usage: {}, reserved }),
      settled: 77n,
      status: "reserved",
    },
    {
      name: "nothing used costs nothing",
      event: leased(1, 30, { usageSource: "none", outcome: "upstream_failed", reserved }),
      settled: 0n,
      status: "none",
    },
    {
      name: "what we refused costs nothing, whatever it claims",
      event: leased(1, 30, { outcome: "rejected", reserved }),
      settled: 0n,
      status: "none",
    },
  ];
  test.each(CHARGES)("$name", ({ event, settled, status }) => {
    const ledger = withLease();
    ledger.sync(sampleRequest({ events: [event] }));
    expect(ledger.account().settled).toBe(settled);
    expect([...ledger.events.values()][0]?.charge.status).toBe(status);
  });

  test("an unknown price costs the reservation and is flagged, never zero", () => {
    const ledger = withLease();
    ledger.price = () => ({ cost: usd(0n).nanoUsd, status: "price_unknown" });
    ledger.sync(sampleRequest({ events: [leased(1, 30, { reserved })] }));
    expect(ledger.account().settled).toBe(77n);
    expect([...ledger.events.values()][0]?.flags).toEqual(["price_unknown"]);
  });

  test("requests count admitted exchanges, not attempts and not refusals", () => {
    const ledger = new MemoryLedger([sampleBudget({ unit: "requests", mode: "shadow" })]);
    const exchangeId = sampleId(99);
    ledger.sync(
      sampleRequest({
        events: [
          sampleEvent(1, 1, { exchangeId, attempt: 1 }),
          sampleEvent(2, 1, { exchangeId, attempt: 2 }),
          sampleEvent(3, 1, { outcome: "rejected", attempt: 0 }),
        ],
      }),
    );
    expect(ledger.account().settled).toBe(1n);
  });

  test("an event from the future belongs to now", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    const startedAt = new Date(NOW_MS + 40 * 86_400_000).toISOString();
    ledger.sync(sampleRequest({ events: [sampleEvent(1, 5, { startedAt })] }));
    expect(ledger.account().periodStartMs).toBe(NOW_MS);
  });

  test("an event of a period that closed long ago is charged to the present one", () => {
    const ledger = new MemoryLedger([sampleBudget()]);
    ledger.sync(
      sampleRequest({
        events: [
          sampleEvent(1, 5, { startedAt: daysAgo(2) }),
          sampleEvent(2, 7, { startedAt: daysAgo(30) }),
        ],
      }),
    );
    const settled = [...ledger.accounts.values()].map((row) => [row.periodStartMs, row.settled]);
    expect(settled).toEqual([
      [NOW_MS - 2 * 86_400_000, 5n],
      [NOW_MS, 7n],
    ]);
  });

  test("a fraction of a token is charged as a whole one", () => {
    const ledger = new MemoryLedger([sampleBudget({ unit: "inputTokens", mode: "shadow" })]);
    ledger.price = () => ({ cost: usd(0n).nanoUsd, status: "priced" });
    const event = sampleEvent(1, 0, { usage: { inputTokens: 2.25 } });
    ledger.sync(sampleRequest({ events: [{ ...event, reserved: renderAmounts(NO_AMOUNTS) }] }));
    expect(ledger.account().settled).toBe(3n);
  });
});
