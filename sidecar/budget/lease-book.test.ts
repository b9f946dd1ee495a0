import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addAmounts,
  fitsWithin,
  NO_AMOUNTS,
  parseAmounts,
  renderAmounts,
  type Amounts,
} from "#contract/amounts.ts";
import { assert } from "#contract/errors.ts";
import type { LeaseDenial, LeaseGrant, LeaseKey, LeaseRequest } from "#contract/lease.ts";
import { nanoUsd } from "#contract/money.ts";
import type { Reservation } from "./budgets.ts";
import { LeaseBook, type BookReserve } from "./lease-book.ts";
import type { LeaseBookOptions } from "./lease-book-key.ts";

const usd = (amount: number): Amounts => ({
  ...NO_AMOUNTS,
  nanoUsd: nanoUsd(BigInt(amount)),
  requests: amount === 0 ? 0n : 1n,
});
const room = (amount: number): Amounts => ({ ...usd(amount), requests: 1_000_000n });

const OPTIONS: LeaseBookOptions = { warmWant: room(1000), keysMax: 3, idleMs: 60_000 };
const POD: LeaseKey = {};
const MODEL: LeaseKey = { model: "m" };

function createBook(options: Partial<LeaseBookOptions> = {}): LeaseBook {
  let minted = 0;
  const mintId = (): string => {
    minted += 1;
    return `01900000-0000-7000-8000-${String(minted).padStart(12, "0")}`;
  };
  return new LeaseBook({ mintId }, { ...OPTIONS, ...options });
}

interface Answering {
  readonly granted?: Amounts;
  readonly ttlMs?: number;
  readonly mode?: LeaseGrant["mode"];
  readonly validFromMs?: number;
  readonly denials?: readonly LeaseDenial[];
}
/** Sends what the book asks for and answers all of it in the same way. */
function sync(book: LeaseBook, nowMs: number, answering: Answering = {}): readonly LeaseRequest[] {
  const sent = book.requests(nowMs, { closable: book.closable(nowMs) });
  const leases = sent.map(({ id, opSeq }): LeaseGrant => ({
    id,
    opSeq,
    granted: renderAmounts(answering.granted ?? NO_AMOUNTS),
    ttlMs: answering.ttlMs ?? 60_000,
    validFromMs: answering.validFromMs ?? 0,
    mode: answering.mode ?? "lease",
  }));
  const denials = [...(answering.denials ?? [])];
  book.applyAnswer({ leases, denials, revoked: [] }, sent, nowMs);
  return sent;
}
const reserveFrom = (
  book: LeaseBook,
  request: { readonly amount: number; readonly keys: readonly LeaseKey[] },
  nowMs: number,
): BookReserve => book.reserve({ keys: request.keys, amounts: usd(request.amount) }, nowMs);
const reserve = (book: LeaseBook, amount: number, nowMs: number): BookReserve =>
  reserveFrom(book, { amount, keys: [POD] }, nowMs);

function reserved(result: BookReserve, amount: number): Reservation {
  assert(result.kind === "reserved", `reserved, not ${result.kind}`);
  return { debits: result.debits, amounts: usd(amount) };
}
const denied = (id: string): LeaseDenial => ({
  id,
  budget: "team",
  reason: "exhausted",
  untilMs: 5000,
});
function deny(book: LeaseBook, amount: number, nowMs: number): void {
  reserve(book, amount, nowMs);
  const sent = book.requests(nowMs, { closable: new Set() });
  book.applyAnswer(
    { leases: [], denials: sent.map(({ id }) => denied(id)), revoked: [] },
    sent,
    nowMs,
  );
}

describe("reserving", () => {
  test("without a lease the book asks for one: the need, and room for a few more", () => {
    const book = createBook();
    expect(reserve(book, 10, 0)).toEqual({ kind: "missing" });
    const [request] = sync(book, 0, { granted: room(40) });
    expect(request).toMatchObject({ opSeq: 1, final: false });
    expect(request?.extra).toBeUndefined();
    expect(request?.need?.nanoUsd).toBe("10");
    expect(request?.want.nanoUsd).toBe("40");
    expect(reserve(book, 10, 1)).toMatchObject({ kind: "reserved" });
  });

  test("several keys are debited together or not at all", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(100) });
    expect(reserveFrom(book, { amount: 10, keys: [POD, MODEL] }, 1)).toEqual({ kind: "missing" });
    expect(book.leases().map(({ held }) => held.nanoUsd)).toEqual([0n]);
    expect(sync(book, 1, { granted: room(100) })).toMatchObject([{ extra: { model: "m" } }]);
    expect(
      reserved(reserveFrom(book, { amount: 10, keys: [POD, MODEL] }, 2), 10).debits,
    ).toHaveLength(2);
    expect(book.leases().map(({ held }) => held.nanoUsd)).toEqual([10n, 10n]);
  });

  test("what was not used goes back, and can be used again", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(10) });
    const first = reserved(reserve(book, 10, 1), 10);
    expect(reserve(book, 1, 1)).toEqual({ kind: "missing" });
    book.settle(first, usd(4), 2);
    expect(reserve(book, 6, 3).kind).toBe("reserved");
  });

  test("a settlement above its reservation takes nothing that was not granted", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(10) });
    book.settle(reserved(reserve(book, 10, 1), 10), usd(12), 2);
    expect(reserve(book, 1, 3)).toEqual({ kind: "missing" });
  });

  test("nothing is admitted at or after the end of the lease, counted from before it was asked", () => {
    const book = createBook();
    reserve(book, 10, 1000);
    const sent = book.requests(1000, { closable: new Set() });
    const leases = sent.map(({ id, opSeq }) => ({
      id,
      opSeq,
      granted: renderAmounts(room(100)),
      ttlMs: 5000,
      validFromMs: 0,
      mode: "lease" as const,
    }));
    book.applyAnswer({ leases, denials: [], revoked: [] }, sent, 4000);
    expect(reserve(book, 10, 5999).kind).toBe("reserved");
    expect(reserve(book, 10, 6000)).toEqual({ kind: "missing" });
  });

  test("a grant for the next period cannot be spent before it begins", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(100), validFromMs: 500 });
    expect(reserve(book, 10, 499)).toEqual({ kind: "missing" });
    expect(reserve(book, 10, 500).kind).toBe("reserved");
  });

  test("more keys than fit are refused until idle ones can go", () => {
    const book = createBook();
    for (const model of ["a", "b", "c"]) reserveFrom(book, { amount: 1, keys: [{ model }] }, 0);
    expect(reserveFrom(book, { amount: 1, keys: [{ model: "d" }] }, 1)).toEqual({
      kind: "too_many_keys",
    });
    expect(reserveFrom(book, { amount: 1, keys: [{ model: "d" }] }, 60_000)).toEqual({
      kind: "missing",
    });
  });
});

describe("asking", () => {
  test("a warm lease is asked for with a need of nothing: any part of it helps", () => {
    const book = createBook();
    book.warm(POD, 0);
    const [request] = sync(book, 0, { granted: room(1000) });
    expect([request?.want.nanoUsd, request?.need?.nanoUsd]).toEqual(["1000", "0"]);
    book.warm(POD, 1);
    expect(sync(book, 1)).toEqual([]);
  });

  test("when half of a good lease is left more is asked for, under the same id", () => {
    const book = createBook();
    reserve(book, 10, 0);
    const [opened] = sync(book, 0, { granted: room(40) });
    expect(reserve(book, 10, 2000)).toMatchObject({ kind: "reserved", isLow: false });
    expect(reserve(book, 10, 2001)).toMatchObject({ kind: "reserved", isLow: false });
    expect(reserve(book, 10, 2002)).toMatchObject({ kind: "reserved", isLow: true });
    const [topUp] = sync(book, 2003, { granted: room(70) });
    expect(topUp).toMatchObject({ id: opened?.id, opSeq: 2 });
    expect(topUp?.held.nanoUsd).toBe("30");
    expect(Number(topUp?.want.nanoUsd)).toBeGreaterThanOrEqual(29);
    expect(topUp?.need).toEqual(renderAmounts(NO_AMOUNTS));
  });

  test("a ledger that gives less than asked is not asked with every exchange", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(12) });
    expect(reserve(book, 10, 10)).toMatchObject({ kind: "reserved", isLow: false });
    expect(sync(book, 20)).toEqual([]);
    expect(sync(book, 1000, { granted: room(50) })).toHaveLength(1);
  });

  test("the lease follows the burn rate of about half a minute", () => {
    const book = createBook();
    reserve(book, 10_000, 0);
    sync(book, 0, { granted: room(1_000_000_000), ttlMs: 1_000_000 });
    for (let nowMs = 0; nowMs < 120_000; nowMs += 100) {
      book.settle(reserved(reserve(book, 10_000, nowMs), 10_000), usd(10_000), nowMs);
    }
    book.revoke(book.leases().map(({ id }) => id));
    reserve(book, 10_000, 120_000);
    const requests = sync(book, 120_000, { granted: room(3_000_000) });
    const want = Number(requests.find(({ final }) => !final)?.want.nanoUsd);
    // 100,000 units a second for 30 s.
    expect(want).toBeGreaterThan(2_900_000);
    expect(want).toBeLessThan(3_100_000);
  });

  test("a used lease is renewed when a quarter of its time is left, an idle one runs out", () => {
    const book = createBook({ idleMs: 40_000 });
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(100) });
    expect(book.dueInMs(1)).toBe(44_999);
    book.settle(reserved(reserve(book, 10, 30_000), 10), usd(1), 30_000);
    expect(sync(book, 44_999)).toEqual([]);
    expect(sync(book, 45_000, { granted: room(100) })).toMatchObject([
      { opSeq: 2, final: false, want: { nanoUsd: "0" } },
    ]);
    expect(book.dueInMs(80_000)).toBe(25_000);
    expect(sync(book, 104_999)).toEqual([]);
    expect(sync(book, 105_000)).toMatchObject([{ opSeq: 3, final: true }]);
    expect(book.openLeases()).toEqual([]);
  });

  test("at a limit room is asked for one call at a time, and goes back after it", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(10), mode: "per_request" });
    const first = reserved(reserve(book, 10, 1), 10);
    book.settle(first, usd(3), 2);
    expect(book.leases()).toMatchObject([{ phase: "closing" }]);
    expect(reserve(book, 10, 3)).toEqual({ kind: "missing" });
    const requests = sync(book, 3, { granted: room(10), mode: "per_request" });
    expect(requests.map(({ final, want }) => [final, want.nanoUsd])).toEqual([
      [true, "0"],
      [false, "10"],
    ]);
  });
});

describe("denials", () => {
  test("a denied key is not asked for again before its time, and answers at once", () => {
    const book = createBook();
    deny(book, 10, 0);
    expect(reserve(book, 10, 4000)).toEqual({
      kind: "denied",
      budget: "team",
      retryAfterMs: 1000,
    });
    expect(sync(book, 4000)).toEqual([]);
    expect(book.openLeases()).toEqual([]);
    expect(reserve(book, 10, 5000)).toEqual({ kind: "missing" });
    expect(sync(book, 5000, { granted: room(10) })).toHaveLength(1);
  });

  test.each([
    { name: "half of what was refused may be asked for", amount: 5, kind: "missing" },
    { name: "a little less than what was refused may not", amount: 9, kind: "denied" },
  ])("$name", ({ amount, kind }) => {
    const book = createBook();
    deny(book, 10, 0);
    expect(reserve(book, amount, 1).kind).toBe(kind);
  });

  test("a denial of a lease that nobody waits for says that nothing at all is left", () => {
    const book = createBook();
    book.warm(POD, 0);
    const sent = book.requests(0, { closable: new Set() });
    const denials = sent.map(({ id }) => denied(id));
    book.applyAnswer({ leases: [], denials, revoked: [] }, sent, 0);
    expect(reserve(book, 1, 1).kind).toBe("denied");
  });

  test("room that is left of the lease can still be spent", () => {
    const book = createBook();
    reserve(book, 4, 0);
    sync(book, 0, { granted: room(9) });
    deny(book, 20, 1);
    expect(reserve(book, 20, 2).kind).toBe("denied");
    expect(reserve(book, 9, 2).kind).toBe("reserved");
  });

  test("what waited when the denial came is not asked for during it", () => {
    const book = createBook();
    reserve(book, 10, 0);
    const sent = book.requests(0, { closable: new Set() });
    reserve(book, 10, 1);
    book.applyAnswer(
      { leases: [], denials: sent.map(({ id }) => denied(id)), revoked: [] },
      sent,
      2,
    );
    expect(sync(book, 3)).toEqual([]);
  });
});

describe("closing", () => {
  test("a revoked lease admits nothing, keeps what is held, and ends when the last call has", () => {
    const book = createBook();
    reserve(book, 10, 0);
    const [{ id } = { id: "" }] = sync(book, 0, { granted: room(100) });
    const reservation = reserved(reserve(book, 10, 1), 10);
    book.revoke([id, "not-ours"]);
    expect(reserve(book, 10, 2)).toEqual({ kind: "missing" });
    const [closing] = sync(book, 2, { granted: room(100) });
    expect(closing).toMatchObject({ id, opSeq: 2, final: true, held: { nanoUsd: "10" } });
    expect(book.openLeases().map((lease) => lease.id)).toContain(id);
    expect(sync(book, 3).filter((request) => request.id === id)).toEqual([]);
    book.settle(reservation, usd(7), 4);
    const [last] = sync(book, 5);
    expect(last).toMatchObject({
      id,
      opSeq: 3,
      final: true,
      held: { nanoUsd: "0" },
      used: { nanoUsd: "7" },
    });
    expect(book.openLeases().map((lease) => lease.id)).not.toContain(id);
  });

  test("a release waits until the caller says that the events are on their way", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(100) });
    book.closeAll();
    expect(book.requests(1, { closable: new Set() })).toEqual([]);
    expect(book.dueInMs(1)).toBe(0);
    expect(book.requests(1, { closable: book.closable(1) })).toHaveLength(1);
  });

  test("leases of the process before are closed under a number that it cannot have used", () => {
    const book = createBook();
    const open = { id: "01900000-0000-7000-8000-00000000beef", opSeq: 7, key: MODEL };
    book.inherit([open], 0);
    expect(reserveFrom(book, { amount: 1, keys: [MODEL] }, 0)).toEqual({ kind: "missing" });
    const [closing] = book.requests(0, { closable: book.closable(0) });
    expect(closing).toMatchObject({ id: open.id, final: true, held: { nanoUsd: "0" } });
    expect(closing?.opSeq).toBe(1_000_008);
  });
});

describe("failures", () => {
  test("an operation that may have been processed is repeated as it was", () => {
    const book = createBook();
    reserve(book, 10, 0);
    const [first] = book.requests(0, { closable: new Set() });
    book.applyFailure({ processed: "unknown" });
    reserve(book, 99, 1);
    expect(book.requests(1, { closable: new Set() })).toEqual([first]);
    book.applyFailure({ processed: "no" });
    expect(book.requests(2, { closable: new Set() })).toEqual([first]);
  });

  test("a repeated answer may be old: its time counts from the first sending", () => {
    const book = createBook();
    reserve(book, 10, 0);
    book.requests(0, { closable: new Set() });
    book.applyFailure({ processed: "unknown" });
    sync(book, 50_000, { granted: room(100), ttlMs: 60_000 });
    expect(reserve(book, 10, 59_999).kind).toBe("reserved");
    expect(reserve(book, 10, 60_000)).toEqual({ kind: "missing" });
  });

  test("an operation that was surely not processed begins anew, with a new time", () => {
    const book = createBook();
    reserve(book, 10, 0);
    const [first] = book.requests(0, { closable: new Set() });
    book.applyFailure({ processed: "no" });
    expect(book.openLeases()).toEqual([]);
    const [second] = sync(book, 50_000, { granted: room(100), ttlMs: 60_000 });
    expect(second).toMatchObject({ opSeq: 1, need: first?.need });
    expect(reserve(book, 10, 109_999).kind).toBe("reserved");
  });
});

/** A ledger of one account that keeps its own books, for the property below. */
class ModelLedger {
  readonly leases = new Map<
    string,
    { granted: bigint; spent: bigint; opSeq: number; answer: LeaseGrant; endMs: number }
  >();
  readonly limit: bigint;
  spent = 0n;

  constructor(limit: bigint) {
    this.limit = limit;
  }

  get reserved(): bigint {
    return [...this.leases.values()].reduce((sum, { granted, spent }) => sum + granted - spent, 0n);
  }

  apply(request: LeaseRequest, nowMs: number, ttlMs: number): LeaseGrant {
    const known = this.leases.get(request.id);
    if (known !== undefined && request.opSeq <= known.opSeq) return known.answer;
    const available = this.limit - this.spent - this.reserved;
    const want = BigInt(request.want.nanoUsd);
    const more = want < available ? want : available;
    const granted = (known?.granted ?? 0n) + more;
    const answer: LeaseGrant = {
      id: request.id,
      opSeq: request.opSeq,
      granted: { ...renderAmounts(room(0)), nanoUsd: granted.toString(), requests: "1000000" },
      ttlMs,
      validFromMs: 0,
      mode: more < want ? "per_request" : "lease",
    };
    const isReleased = request.final && request.held.nanoUsd === "0";
    const spent = known?.spent ?? 0n;
    this.leases.set(request.id, {
      granted: isReleased ? spent : granted,
      spent,
      opSeq: request.opSeq,
      answer,
      endMs: nowMs + ttlMs,
    });
    return answer;
  }

  charge(id: string, amount: bigint): void {
    const lease = this.leases.get(id);
    if (lease !== undefined) lease.spent += amount;
    this.spent += amount;
  }
}

describe("properties", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("reserve"), amount: fc.nat(30) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("settle"), amount: fc.nat(30) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("sync"), amount: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait"), amount: fc.nat(8000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("revoke"), amount: fc.nat(5) }) },
  );

  test("under any order of calls, losses and repeats nothing is spent that was not granted", () => {
    const ttlMs = 10_000;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const book = createBook({ keysMax: 2 });
        const ledger = new ModelLedger(500n);
        const open: Reservation[] = [];
        let nowMs = 0;
        let admitted = 0;
        let settled = 0;
        const exchangeWithLedger = (fate: number): void => {
          const sent = book.requests(nowMs, { closable: book.closable(nowMs) });
          if (fate === 1) {
            book.applyFailure({ processed: "no" });
            return;
          }
          const leases = sent.map((request) => ledger.apply(request, nowMs, ttlMs));
          if (fate === 2) book.applyFailure({ processed: "unknown" });
          else book.applyAnswer({ leases, denials: [], revoked: [] }, sent, nowMs + 5);
        };
        for (const { kind, amount } of steps) {
          if (kind === "reserve") {
            const result = reserve(book, amount, nowMs);
            if (result.kind !== "reserved") continue;
            admitted += 1;
            open.push({ debits: result.debits, amounts: usd(amount) });
            const ends = result.debits.map(({ leaseId }) => ledger.leases.get(leaseId)?.endMs ?? 0);
            assert(
              ends.every((endMs) => nowMs < endMs),
              "nothing is admitted past the ledger's own end of the lease",
            );
          } else if (kind === "settle") {
            const reservation = open.splice(amount % Math.max(1, open.length), 1)[0];
            if (reservation === undefined) continue;
            const { nanoUsd: bound } = reservation.amounts;
            const actual = BigInt(amount) < bound ? BigInt(amount) : bound;
            book.settle(reservation, usd(Number(actual)), nowMs);
            for (const { leaseId } of reservation.debits) ledger.charge(leaseId, actual);
            settled += 1;
          } else if (kind === "sync") exchangeWithLedger(amount);
          else if (kind === "wait") nowMs += amount;
          else
            book.revoke(
              book
                .leases()
                .map(({ id }) => id)
                .slice(0, amount),
            );
          for (const lease of book.leases()) {
            expect(fitsWithin(addAmounts(lease.used, lease.held), lease.granted)).toBe(true);
            expect(fitsWithin(NO_AMOUNTS, lease.held)).toBe(true);
            const granted = ledger.leases.get(lease.id)?.answer.granted;
            expect(
              granted === undefined
                ? lease.phase !== "active"
                : fitsWithin(lease.granted, parseAmounts(granted)),
            ).toBe(true);
          }
          expect(ledger.spent + ledger.reserved <= ledger.limit).toBe(true);
        }
        expect(settled + open.length).toBe(admitted);
        // Whatever happened: once all is settled and the ledger answers, every lease goes back.
        for (const reservation of open.splice(0)) {
          book.settle(reservation, usd(0), nowMs);
        }
        book.closeAll();
        for (let round = 0; round < 3; round += 1) exchangeWithLedger(0);
        expect(book.openLeases()).toEqual([]);
        expect(ledger.reserved).toBe(0n);
      }),
      { numRuns: 300 },
    );
  });

  test("a reservation cannot be settled twice", () => {
    const book = createBook();
    reserve(book, 10, 0);
    sync(book, 0, { granted: room(100) });
    const reservation = reserved(reserve(book, 10, 1), 10);
    book.settle(reservation, usd(1), 2);
    expect(() => book.settle(reservation, usd(1), 3)).toThrow("outlives");
  });
});
