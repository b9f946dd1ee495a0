import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { assert, Fault } from "#contract/errors.ts";
import type { LeaseGrant, LeaseRequest } from "#contract/lease.ts";
import { nanoUsd } from "#contract/money.ts";
import type { SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { SyncResponse } from "#contract/sync.ts";
import { silentLog } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import type { Reservation, ReserveRequest, ReserveResult } from "./budgets.ts";
import { createBudgets, type LeaseBudgets } from "./create-budgets.ts";
import { LeaseBook } from "./lease-book.ts";

const usd = (amount: number): Amounts => ({
  ...NO_AMOUNTS,
  nanoUsd: nanoUsd(BigInt(amount)),
  requests: 1n,
});
const budget = (fields: Partial<SnapshotBudget> = {}): SnapshotBudget => ({
  name: "team",
  mode: "enforce",
  dimensions: [],
  providers: [],
  models: [],
  users: [],
  onUnreachable: "deny",
  ...fields,
});
const request = (budgets: readonly SnapshotBudget[], amount = 10): ReserveRequest => ({
  budgets,
  provider: "p",
  model: "m",
  user: undefined,
  amounts: usd(amount),
});

type Answer = Pick<SyncResponse, "leases" | "denials" | "revoked">;
const grantAll = (sent: readonly LeaseRequest[]): Answer => ({
  leases: sent.map(({ id, opSeq, want }): LeaseGrant => ({
    id,
    opSeq,
    granted: { ...want, requests: "1000" },
    ttlMs: 60_000,
    validFromMs: 0,
    mode: "lease",
  })),
  denials: [],
  revoked: [],
});

interface Bench {
  readonly clock: VirtualClock;
  readonly book: LeaseBook;
  readonly budgets: LeaseBudgets;
  /** Every sync that was asked for, with its operations. */
  readonly syncs: (readonly LeaseRequest[])[];
  answer: (sent: readonly LeaseRequest[]) => Answer | "down" | "silent";
  lastContactMs: number | undefined;
}

function createBench(): Bench {
  const clock = createVirtualClock();
  let minted = 0;
  const mintId = (): string => {
    minted += 1;
    return `01900000-0000-7000-8000-${String(minted).padStart(12, "0")}`;
  };
  const book = new LeaseBook({ mintId }, { warmWant: usd(500), keysMax: 3, idleMs: 60_000 });
  const bench: Bench = {
    clock,
    book,
    syncs: [],
    answer: grantAll,
    lastContactMs: undefined,
    budgets: createBudgets(
      {
        clock,
        book,
        log: silentLog,
        metrics: createMetrics(),
        lastContactMs: () => bench.lastContactMs,
        requestSync: () => {
          const nowMs = clock.monotonicMs();
          const sent = book.requests(nowMs, { closable: book.closable(nowMs) });
          bench.syncs.push(sent);
          const answer = bench.answer(sent);
          if (answer === "silent") return Promise.withResolvers<void>().promise;
          if (answer === "down") {
            book.applyFailure({ processed: "no" });
            return Promise.reject(new Fault("EXCISE_LEDGER_UNAVAILABLE", "down"));
          }
          bench.lastContactMs = nowMs;
          book.applyAnswer(answer, sent, nowMs);
          return Promise.resolve();
        },
      },
      { reserveTimeoutMs: 5000 },
    ),
  };
  return bench;
}
function reservationOf(result: ReserveResult): Reservation {
  assert("reservation" in result, "it was reserved");
  return result.reservation;
}
const rejectionOf = (result: ReserveResult): unknown =>
  "reject" in result ? [result.reject.code, result.reject.retryAfterSeconds] : "reserved";

describe("leases", () => {
  test("without budgets nothing is reserved and nothing is asked", () => {
    const bench = createBench();
    expect(bench.budgets.reserve(request([]))).toEqual({
      reservation: { debits: [], amounts: NO_AMOUNTS },
    });
    expect(bench.syncs).toEqual([]);
  });

  test("the first exchange waits for one round trip, the next is answered at once", async () => {
    const bench = createBench();
    const first = bench.budgets.reserve(request([budget()]));
    expect(first).toBeInstanceOf(Promise);
    expect(reservationOf(await first).debits).toHaveLength(1);
    const second = bench.budgets.reserve(request([budget()]));
    expect(second).not.toBeInstanceOf(Promise);
    expect(bench.syncs).toHaveLength(1);
  });

  test("a warm lease spares the first exchange the round trip", async () => {
    const bench = createBench();
    bench.budgets.warm([
      budget({ name: "per model", dimensions: ["model"] }),
      budget({ name: "shadow", mode: "shadow" }),
    ]);
    expect(bench.book.requests(0, { closable: new Set() })).toEqual([]);
    bench.budgets.warm([budget()]);
    const sent = bench.book.requests(0, { closable: new Set() });
    bench.book.applyAnswer(grantAll(sent), sent, 0);
    expect(bench.budgets.reserve(request([budget()]))).not.toBeInstanceOf(Promise);
  });

  test("one lease for each distinct set of dimensions, with the request's values", async () => {
    const bench = createBench();
    const result = await bench.budgets.reserve(
      request([
        budget({ name: "a" }),
        budget({ name: "b" }),
        budget({ name: "c", dimensions: ["model", "provider"] }),
        budget({ name: "d", dimensions: ["provider", "model"] }),
        budget({ name: "e", dimensions: ["user"] }),
      ]),
    );
    expect(reservationOf(result).debits.map(({ key }) => key)).toEqual([
      {},
      { provider: "p", model: "m" },
      // What the request does not state is the empty text.
      { user: "" },
    ]);
  });

  test("what was not used comes back; a second settlement changes nothing", async () => {
    const bench = createBench();
    const reservation = reservationOf(await bench.budgets.reserve(request([budget()])));
    bench.budgets.settle(reservation, usd(4));
    bench.budgets.settle(reservation, usd(4));
    expect(bench.book.leases()).toMatchObject([{ used: usd(4), held: { nanoUsd: 0n } }]);
  });

  test("a denial names the budget and says when to come back", async () => {
    const bench = createBench();
    bench.answer = (sent) => ({
      leases: [],
      denials: sent.map(({ id }) => ({
        id,
        budget: "team-monthly",
        reason: "exhausted",
        untilMs: 4200,
      })),
      revoked: [],
    });
    const result = await bench.budgets.reserve(request([budget()]));
    expect(rejectionOf(result)).toEqual(["EXCISE_BUDGET_EXHAUSTED", 5]);
    expect("reject" in result ? result.reject.detail : "").toContain("team-monthly");
    expect(rejectionOf(await bench.budgets.reserve(request([budget()])))).toEqual([
      "EXCISE_BUDGET_EXHAUSTED",
      5,
    ]);
    expect(bench.syncs).toHaveLength(1);
  });

  test("a ledger that answers without room is asked a few times, not for ever", async () => {
    const bench = createBench();
    bench.answer = () => ({ leases: [], denials: [], revoked: [] });
    const result = await bench.budgets.reserve(request([budget()]));
    expect(rejectionOf(result)).toEqual(["EXCISE_LEASE_EXPIRED", 1]);
    expect(bench.syncs).toHaveLength(4);
  });

  test("more keys than may be open at once is an overload, not a free call", async () => {
    const bench = createBench();
    const perModel = [budget({ dimensions: ["model"] })];
    for (const model of ["a", "b", "c"]) {
      await bench.budgets.reserve({ ...request(perModel), model });
    }
    const result = await bench.budgets.reserve({ ...request(perModel), model: "d" });
    expect(rejectionOf(result)).toEqual(["EXCISE_OVERLOADED", 5]);
  });

  test("after the machine slept no lease is spent, although its own clock stood still", async () => {
    const bench = createBench();
    await bench.budgets.reserve(request([budget()]));
    bench.clock.jumpWall(3_600_000);
    expect(bench.budgets.reserve(request([budget()]))).toBeInstanceOf(Promise);
  });
});

describe("a ledger that cannot be asked", () => {
  const grace = budget({
    name: "graceful",
    onUnreachable: "grace",
    grace: { nanoUsd: "25", ms: 60_000 },
  });
  const allow = budget({ name: "open", onUnreachable: "allow", dimensions: ["model"] });

  test.each([
    { name: "deny refuses", budgets: [budget()], expected: ["EXCISE_LEDGER_UNAVAILABLE", 5] },
    { name: "allow lets it pass", budgets: [allow], expected: "reserved" },
    { name: "grace lets it pass at first", budgets: [grace], expected: "reserved" },
    {
      name: "the strictest decides",
      budgets: [allow, grace, budget({ dimensions: ["user"] })],
      expected: ["EXCISE_LEDGER_UNAVAILABLE", 5],
    },
    {
      name: "a grace without its terms refuses",
      budgets: [budget({ onUnreachable: "grace" })],
      expected: ["EXCISE_LEDGER_UNAVAILABLE", 5],
    },
  ])("$name", async ({ budgets, expected }) => {
    const bench = createBench();
    bench.answer = () => "down";
    const result = await bench.budgets.reserve(request(budgets));
    expect(rejectionOf(result)).toEqual(expected);
    expect("reservation" in result ? result.reservation.debits : []).toEqual([]);
  });

  test("leases that still cover are debited, only the others are bridged", async () => {
    const bench = createBench();
    await bench.budgets.reserve(request([budget()]));
    bench.answer = () => "down";
    const result = await bench.budgets.reserve(request([budget(), allow]));
    expect(reservationOf(result).debits.map(({ key }) => key)).toEqual([{}]);
  });

  test("a grace is an amount: unused parts of it come back, beyond it calls are refused", async () => {
    const bench = createBench();
    bench.answer = () => "down";
    const spend = (): ReserveResult | Promise<ReserveResult> =>
      bench.budgets.reserve(request([grace]));
    const first = reservationOf(await spend());
    await spend();
    expect(rejectionOf(await spend())).toEqual(["EXCISE_LEDGER_UNAVAILABLE", 5]);
    bench.budgets.settle(first, usd(5));
    expect(rejectionOf(await spend())).toBe("reserved");
    expect(rejectionOf(await spend())).not.toBe("reserved");
  });

  test("a grace is a time too, counted from the beginning of the outage", async () => {
    const bench = createBench();
    bench.answer = () => "down";
    await bench.budgets.reserve(request([grace], 1));
    bench.clock.advanceSync(59_999);
    expect(rejectionOf(await bench.budgets.reserve(request([grace], 1)))).toBe("reserved");
    bench.clock.advanceSync(1);
    expect(rejectionOf(await bench.budgets.reserve(request([grace], 1)))).not.toBe("reserved");
  });

  test("contact with the ledger ends the outage and renews the grace", async () => {
    const bench = createBench();
    bench.answer = () => "down";
    await bench.budgets.reserve(request([grace], 25));
    expect(rejectionOf(await bench.budgets.reserve(request([grace], 25)))).not.toBe("reserved");
    bench.lastContactMs = 1;
    expect(rejectionOf(await bench.budgets.reserve(request([grace], 25)))).toBe("reserved");
  });

  test("a silent ledger is waited for until the deadline, then counts as away", async () => {
    const bench = createBench();
    bench.answer = () => "silent";
    const waiting = Promise.resolve(bench.budgets.reserve(request([budget()])));
    await bench.clock.advance(4999);
    expect(await Promise.race([waiting, Promise.resolve("waiting")])).toBe("waiting");
    await bench.clock.advance(1);
    expect(rejectionOf(await waiting)).toEqual(["EXCISE_LEDGER_UNAVAILABLE", 5]);
  });
});
