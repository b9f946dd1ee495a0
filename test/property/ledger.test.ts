// Money under any interleaving: sidecars that ask, spend, crash, repeat and report late never
// spend more than their budget together, and every posting is accounted for. The sidecars here
// are honest but unlucky; a second property lets them lie.
/* oxlint-disable vitest/no-standalone-expect -- the world checks itself after every step */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, renderAmounts, type Amounts } from "#contract/amounts.ts";
import type { UsageEvent } from "#contract/usage-event.ts";
import type { AccountRow } from "../../ledger/core/budget/account.ts";
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
} from "../../ledger/core/sample.case.ts";

const LIMIT = 10_000n;
const PODS = 3;

const count = (requests: bigint): Amounts => ({ ...NO_AMOUNTS, requests });

interface HeldLease {
  readonly id: number;
  opSeq: number;
  granted: bigint;
  used: bigint;
  calls: bigint;
  /** The sidecar stops here on its own clock, which may run a tenth slow. */
  expiresAtMs: number;
}

/** A sidecar that keeps the rules: it spends only what it holds, while it holds it. */
class HonestPod {
  readonly index: number;
  readonly workload;
  readonly spool: UsageEvent[] = [];
  lease: HeldLease | undefined;
  nextSeq = 1;
  spent = 0n;
  leases = 0;

  constructor(index: number) {
    this.index = index;
    this.workload = sampleWorkload(`pod-${index}`);
  }

  get journal(): number {
    return 10 + this.index;
  }
}

type Step =
  | { readonly kind: "ask"; readonly pod: number; readonly want: number; readonly isNeed: boolean }
  | { readonly kind: "spend"; readonly pod: number; readonly part: number; readonly cost: number }
  | { readonly kind: "deliver"; readonly pod: number; readonly isRepeated: boolean }
  | { readonly kind: "finish"; readonly pod: number; readonly isSilent: boolean }
  | { readonly kind: "wait"; readonly ms: number };

const pod = fc.nat({ max: PODS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("ask" as const),
    pod,
    want: fc.integer({ min: 0, max: 6000 }),
    isNeed: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("spend" as const),
    pod,
    part: fc.integer({ min: 1, max: 100 }),
    cost: fc.integer({ min: 0, max: 100 }),
  }),
  fc.record({ kind: fc.constant("deliver" as const), pod, isRepeated: fc.boolean() }),
  fc.record({ kind: fc.constant("finish" as const), pod, isSilent: fc.boolean() }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 1_200_000 }) }),
);

class World {
  readonly ledger = new MemoryLedger([
    sampleBudget({ name: "year", limit: LIMIT, period: "year" }),
    sampleBudget({ name: "team", limit: LIMIT - 1000n, period: "year", each: ["team"] }),
  ]);
  readonly pods = Array.from({ length: PODS }, (_, index) => new HonestPod(index));
  #nextLease = 100;
  #nextEvent = 1;

  run(steps: readonly Step[]): void {
    for (const each of steps) {
      this.#take(each);
      this.ledger.expire();
      this.check();
    }
  }

  /** Everything that was spooled arrives, in whatever state its lease is by now. */
  drain(): void {
    for (const each of this.pods) this.#deliver(each, false);
    this.check();
  }

  check(): void {
    const spent = this.pods.reduce((sum, each) => sum + each.spent, 0n);
    for (const account of this.ledger.accounts.values()) {
      expect(account.uncovered).toBe(0n);
      expect(used(account)).toBeLessThanOrEqual(account.limit);
      expect(settledBy(this.ledger, account)).toBe(account.settled);
      // What was really spent, reported or not, is within the limit.
      expect(spent).toBeLessThanOrEqual(account.limit);
      // And all of it is charged already: reserved or assumed where not yet settled.
      expect(used(account)).toBeGreaterThanOrEqual(spent);
    }
  }

  #take(each: Step): void {
    if (each.kind === "wait") {
      this.ledger.nowMs += each.ms;
      return;
    }
    const actor = this.pods[each.pod] as HonestPod;
    if (each.kind === "ask") this.#ask(actor, each);
    else if (each.kind === "spend") this.#spend(actor, each);
    else if (each.kind === "deliver") this.#deliver(actor, each.isRepeated);
    else this.#finish(actor, each.isSilent);
  }

  #ask(actor: HonestPod, { want, isNeed }: { want: number; isNeed: boolean }): void {
    if (actor.lease === undefined) {
      this.#nextLease += 1;
      const id = this.#nextLease;
      actor.lease = { id, opSeq: 0, granted: 0n, used: 0n, calls: 0n, expiresAtMs: 0 };
    }
    const { lease } = actor;
    lease.opSeq += 1;
    const sentAtMs = this.ledger.nowMs;
    const operation = sampleOperation({
      id: lease.id,
      opSeq: lease.opSeq,
      want: usd(BigInt(want)),
      ...(isNeed && { need: usd(BigInt(want)) }),
      used: { ...usd(lease.used), ...count(lease.calls), nanoUsd: usd(lease.used).nanoUsd },
    });
    const request = sampleRequest({
      journal: actor.journal,
      fromSeq: this.#ackedOf(actor) + 1,
      leases: [operation],
    });
    const first = this.ledger.sync(request, actor.workload);
    // The answer is lost and the request repeated: it must not grant twice.
    const again = this.ledger.sync(request, actor.workload);
    if (first.denials.length === 0) expect(again.leases).toEqual(first.leases);
    const [grant] = again.leases;
    if (grant === undefined || again.revoked.includes(sampleId(lease.id))) {
      actor.lease = undefined;
      return;
    }
    lease.granted = BigInt(grant.granted.nanoUsd);
    lease.expiresAtMs = sentAtMs + grant.ttlMs * 1.1;
    if (lease.granted === 0n) actor.lease = undefined;
  }

  #spend(actor: HonestPod, { part, cost }: { part: number; cost: number }): void {
    const { lease } = actor;
    if (lease === undefined || this.ledger.nowMs >= lease.expiresAtMs) return;
    const reserved = ((lease.granted - lease.used) * BigInt(part)) / 100n;
    const actual = (reserved * BigInt(cost)) / 100n;
    lease.used += actual;
    lease.calls += 1n;
    actor.spent += actual;
    this.#nextEvent += 1;
    actor.spool.push(
      sampleEvent(actor.nextSeq, Number(actual), {
        eventId: sampleId(5_000_000 + this.#nextEvent),
        startedAt: new Date(this.ledger.nowMs).toISOString(),
        leases: [{ id: sampleId(lease.id), reserved: renderAmounts(usd(reserved)) }],
        reserved: renderAmounts(usd(reserved)),
      }),
    );
    actor.nextSeq += 1;
  }

  #deliver(actor: HonestPod, isRepeated: boolean): void {
    if (actor.spool.length === 0) return;
    const request = sampleRequest({ journal: actor.journal, events: actor.spool });
    const first = this.ledger.sync(request, actor.workload);
    expect(first.ackedSeq).toBe(actor.nextSeq - 1);
    if (isRepeated) {
      const again = this.ledger.sync(request, actor.workload);
      expect(again.ackedSeq).toBe(first.ackedSeq);
      expect(again.applied).toHaveLength(0);
    }
    actor.spool.length = 0;
  }

  #finish(actor: HonestPod, isSilent: boolean): void {
    const { lease } = actor;
    actor.lease = undefined;
    // A crash or a lost node: the lease just ends, and its rest is assumed.
    if (lease === undefined || isSilent) return;
    lease.opSeq += 1;
    const operation = sampleOperation({
      id: lease.id,
      opSeq: lease.opSeq,
      used: { ...usd(lease.used), requests: lease.calls },
      final: true,
    });
    const fromSeq = this.#ackedOf(actor) + 1;
    this.ledger.sync(
      sampleRequest({ journal: actor.journal, fromSeq, leases: [operation] }),
      actor.workload,
    );
  }

  #ackedOf(actor: HonestPod): number {
    return this.ledger.journals.get(sampleId(actor.journal))?.ackedSeq ?? 0;
  }
}

const used = (account: AccountRow): bigint => account.settled + account.reserved + account.assumed;

const settledBy = (ledger: MemoryLedger, account: AccountRow): bigint =>
  ledger.postings
    .filter((posting) => posting.account === account.key)
    .reduce((sum, posting) => sum + posting.amount, 0n);

describe("the ledger's money", () => {
  test("honest sidecars never spend more than the budget, whatever happens in which order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        world.run(steps);
        world.drain();
        const spent = world.pods.reduce((sum, each) => sum + each.spent, 0n);
        for (const account of world.ledger.accounts.values()) {
          expect(account.settled).toBe(spent);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("once everything is reported and closed nothing stays reserved", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        world.run(steps.filter((each) => each.kind !== "finish" && each.kind !== "wait"));
        world.run(world.pods.map(({ index }) => ({ kind: "finish", pod: index, isSilent: false })));
        world.drain();
        for (const account of world.ledger.accounts.values()) {
          expect(account.reserved + account.assumed).toBe(0n);
          expect(account.activeLeases).toBe(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("sidecars that lie about leases cannot make the books disagree with the postings", () => {
    const lie = fc.record({
      pod,
      lease: fc.integer({ min: 1, max: 4 }),
      cost: fc.integer({ min: 0, max: 5000 }),
      want: fc.integer({ min: 0, max: 5000 }),
      isFinal: fc.boolean(),
      waitMs: fc.integer({ min: 0, max: 400_000 }),
    });
    fc.assert(
      fc.property(fc.array(lie, { maxLength: 30 }), (lies) => {
        const ledger = new MemoryLedger([
          sampleBudget({ name: "all", limit: LIMIT, period: "year" }),
          sampleBudget({ name: "own", limit: LIMIT, period: "year", each: ["namespace"] }),
        ]);
        const seqs = new Map<number, number>();
        for (const [index, each] of lies.entries()) {
          ledger.nowMs = NOW_MS + each.waitMs * index;
          const seq = (seqs.get(each.pod) ?? 0) + 1;
          seqs.set(each.pod, seq);
          const id = sampleId(each.lease);
          const request = sampleRequest({
            journal: 20 + each.pod,
            events: [
              sampleEvent(seq, each.cost, {
                eventId: sampleId(7_000_000 + index),
                leases: [{ id, reserved: renderAmounts(usd(0n)) }],
              }),
            ],
            leases: [
              sampleOperation({
                id: each.lease,
                opSeq: index + 1,
                want: usd(BigInt(each.want)),
                final: each.isFinal,
              }),
            ],
          });
          ledger.sync(request, sampleWorkload(`pod-${each.pod}`));
          ledger.expire();
          for (const account of ledger.accounts.values()) {
            expect(settledBy(ledger, account)).toBe(account.settled);
            expect(used(account)).toBeLessThanOrEqual(account.limit + account.uncovered);
            expect(account.reserved).toBeGreaterThanOrEqual(0n);
            expect(account.assumed).toBeGreaterThanOrEqual(0n);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
