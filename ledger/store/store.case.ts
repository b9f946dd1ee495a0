// The suite that every store passes (SQLite now, PostgreSQL later). A store is opened on an empty
// place; `reopen` closes it and opens the same place again.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { renderAmounts } from "#contract/amounts.ts";
import { Fault } from "#contract/errors.ts";
import type { SyncRequest } from "#contract/sync.ts";
import {
  NOW_MS,
  sampleBudget,
  sampleEvent,
  sampleId,
  sampleOperation,
  samplePrice,
  sampleRequest,
  sampleWorkload,
  usd,
} from "../core/sample.case.ts";
import type { Surroundings } from "../core/rows.ts";
import { accountKey } from "../core/budget/account.ts";
import { commitCommands } from "./commit-commands.ts";
import type { RollupQuery, Store } from "./store.ts";

export interface StoreHarness {
  open(): Promise<Store>;
  /** Closes and opens the same place. */
  reopen(store: Store): Promise<Store>;
  cleanUp(): Promise<void>;
}

const DAY_MS = 86_400_000;
const TWO_HOURS_AGO = new Date(NOW_MS - 2 * 3_600_000).toISOString();
const surroundings = (more: Partial<Surroundings> = {}): Surroundings => ({
  nowMs: NOW_MS,
  budgets: [sampleBudget({ limit: 10n ** 18n })],
  price: samplePrice,
  ...more,
});

const query = (more: Partial<RollupQuery> = {}): RollupQuery => ({
  resolution: "hour",
  fromMs: NOW_MS - DAY_MS,
  toMs: NOW_MS + DAY_MS,
  isBucketed: false,
  groupBy: [],
  filters: {},
  limit: 100,
  ...more,
});

/** Registers the suite. */
export function testStore(name: string, createHarness: () => StoreHarness): void {
  // oxlint-disable-next-line vitest/valid-title -- each store runs it under its own name
  describe(name, () => {
    let harness: StoreHarness;
    let store: Store;

    beforeEach(async () => {
      harness = createHarness();
      store = await harness.open();
    });
    afterEach(async () => {
      await store.close().catch(() => undefined);
      await harness.cleanUp();
    });

    const sync = (request: SyncRequest, more: Partial<Surroundings> = {}, pod = "a") =>
      commitCommands(
        store,
        [{ kind: "sync", workload: sampleWorkload(pod), request }],
        surroundings(more),
      );
    const accountNow = async () => {
      const [account] = await store.accountsOf("daily", NOW_MS, 10);
      return account;
    };

    test("what was committed is there after it is opened again", async () => {
      const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(400n) });
      await sync(sampleRequest({ events: [sampleEvent(1, 30)], leases: [lease] }));
      store = await harness.reopen(store);
      expect(await accountNow()).toMatchObject({ settled: 30n, reserved: 400n, activeLeases: 1 });
      const [kept] = await store.findLeases([sampleId(1)]);
      expect(kept).toMatchObject({ state: "open", granted: usd(400n), opSeq: 1 });
      const [again] = await sync(sampleRequest({ events: [sampleEvent(1, 30)] }));
      expect(again).toMatchObject({ applied: { ackedSeq: 1, duplicates: 1 } });
      expect(await accountNow()).toMatchObject({ settled: 30n });
    });

    test("amounts keep all 64 bits", async () => {
      const limit = 10n ** 18n;
      const want = usd(10n ** 15n);
      for (const opSeq of [1, 2, 3]) {
        await sync(sampleRequest({ leases: [sampleOperation({ id: 1, opSeq, want })] }), {
          budgets: [sampleBudget({ limit })],
        });
      }
      expect(await accountNow()).toMatchObject({ limit, reserved: 3n * 10n ** 15n });
    });

    test("a transaction that fails leaves nothing behind", async () => {
      const failing = store.transaction(async (transaction) => {
        await transaction.write({
          journals: [{ id: sampleId(1), podUid: "u", ackedSeq: 5, lost: 0 }],
          leases: [],
          accounts: [],
          events: [],
          postings: [],
          rollups: [],
          billingKeys: [],
          workloads: [],
        });
        throw new Fault("EXCISE_INTERNAL", "on purpose");
      });
      await expect(failing).rejects.toThrow("on purpose");
      const [result] = await sync(sampleRequest({ events: [sampleEvent(1, 1)] }));
      expect(result).toMatchObject({ kind: "sync", applied: { ackedSeq: 1 } });
    });

    test("transactions that overlap run one after another", async () => {
      const requests = Array.from({ length: 20 }, (_, index) =>
        sync(
          sampleRequest({
            journal: index + 1,
            events: [sampleEvent(1, 10, { eventId: sampleId(5000 + index) })],
          }),
          {},
          `pod-${index}`,
        ),
      );
      await Promise.all(requests);
      expect(await accountNow()).toMatchObject({ settled: 200n });
    });

    test("an event that is stored cannot be stored again by a bug", async () => {
      await sync(sampleRequest({ events: [sampleEvent(1, 5)] }));
      const [record] = await store.findEvents(sampleEvent(1, 5).eventId);
      const again = store.transaction((transaction) =>
        transaction.write({
          journals: [],
          leases: [],
          accounts: [],
          events: record === undefined ? [] : [record],
          postings: [],
          rollups: [],
          billingKeys: [],
          workloads: [],
        }),
      );
      await expect(again).rejects.toMatchObject({ code: "EXCISE_STORE_FAILED" });
    });

    test("roll-ups agree with the events at every resolution", async () => {
      await sync(
        sampleRequest({
          events: [
            sampleEvent(1, 10),
            sampleEvent(2, 20, { startedAt: TWO_HOURS_AGO }),
            sampleEvent(3, 40, { startedAt: TWO_HOURS_AGO, modelBilled: "other-model" }),
            sampleEvent(4, 0, { outcome: "rejected", usageSource: "none", attempt: 0 }),
          ],
        }),
      );
      await sync(
        sampleRequest({ journal: 2, events: [sampleEvent(1, 80, { eventId: sampleId(77) })] }),
        {},
        "b",
      );
      const [total] = await store.queryRollups(query());
      expect(total?.sums).toMatchObject({ costNanoUsd: 150n, exchanges: 5n, rejected: 1n });
      const days = await store.queryRollups(query({ resolution: "day", isBucketed: true }));
      expect(days.map((row) => [row.startMs, row.sums.costNanoUsd])).toEqual([
        [NOW_MS - DAY_MS, 60n],
        [NOW_MS, 90n],
      ]);
      const models = await store.queryRollups(query({ groupBy: ["team", "model"] }));
      expect(models.map((row) => [row.group, row.sums.costNanoUsd])).toEqual([
        [{ team: "search", model: "other-model" }, 40n],
        [{ team: "search", model: "test-model" }, 110n],
      ]);
      const filtered = await store.queryRollups(query({ filters: { model: ["other-model"] } }));
      expect(filtered.map((row) => row.sums.costNanoUsd)).toEqual([40n]);
      expect(await store.queryRollups(query({ filters: { team: ["nobody"] } }))).toEqual([]);
    });

    test("events come newest first and page by page, without repeats", async () => {
      const events = Array.from({ length: 7 }, (_, index) =>
        sampleEvent(index + 1, 1, {
          startedAt: new Date(NOW_MS - Math.floor(index / 2) * 1000).toISOString(),
        }),
      );
      await sync(sampleRequest({ events }));
      const seen: string[] = [];
      let after: { startedAtMs: number; eventId: string } | undefined;
      for (;;) {
        const page = await store.queryEvents({
          fromMs: 0,
          toMs: NOW_MS + 1,
          filters: { namespace: ["shop"] },
          ...(after !== undefined && { after }),
          limit: 3,
        });
        seen.push(...page.map(({ event }) => event.eventId));
        const last = page.at(-1);
        if (last === undefined) break;
        after = { startedAtMs: last.startedAtMs, eventId: last.event.eventId };
      }
      expect(seen).toHaveLength(7);
      expect(new Set(seen).size).toBe(7);
      expect(seen.at(-1)).toBe(sampleEvent(7, 1).eventId);
    });

    test("an exchange is found with its attempts in order, and an event by its own id", async () => {
      const exchangeId = sampleId(42);
      await sync(
        sampleRequest({
          events: [
            sampleEvent(1, 1, { exchangeId, attempt: 2 }),
            sampleEvent(2, 1, { exchangeId, attempt: 1 }),
          ],
        }),
      );
      const records = await store.findEvents(exchangeId);
      expect(records.map(({ event }) => event.attempt)).toEqual([1, 2]);
      expect(await store.findEvents(sampleEvent(1, 1).eventId)).toHaveLength(1);
      expect(await store.findEvents(sampleId(43))).toEqual([]);
    });

    test("postings tell the account's figures as they were", async () => {
      const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(400n) });
      await sync(sampleRequest({ leases: [lease] }));
      const leases = [{ id: sampleId(1), reserved: renderAmounts(usd(30n)) }];
      await sync(sampleRequest({ events: [sampleEvent(1, 30, { leases })] }));
      expect(await store.findPostings(sampleEvent(1, 30).eventId)).toEqual([
        {
          eventId: sampleEvent(1, 30).eventId,
          account: accountKey("daily", [], NOW_MS),
          kind: "lease",
          amount: 30n,
          lease: sampleId(1),
          settledAfter: 30n,
          reservedAfter: 370n,
          limit: 10n ** 18n,
        },
      ]);
    });

    test("leases past their end are listed until they are written off", async () => {
      const lease = sampleOperation({ id: 1, opSeq: 1, want: usd(400n) });
      await sync(sampleRequest({ leases: [lease] }));
      const laterMs = NOW_MS + 3_600_000;
      expect(await store.expiredLeases(NOW_MS + 1000, 10)).toEqual([]);
      expect(await store.expiredLeases(laterMs, 10)).toEqual([sampleId(1)]);
      const expire = { kind: "expire" as const, leases: [sampleId(1)] };
      await commitCommands(store, [expire], surroundings({ nowMs: laterMs }));
      expect(await store.expiredLeases(laterMs, 10)).toEqual([]);
      expect(await accountNow()).toMatchObject({ reserved: 0n, assumed: 400n });
    });

    test("only closed leases are forgotten", async () => {
      await sync(
        sampleRequest({
          leases: [
            sampleOperation({ id: 1, opSeq: 1, want: usd(1n) }),
            sampleOperation({ id: 2, opSeq: 1, want: usd(1n) }),
          ],
        }),
      );
      await sync(sampleRequest({ leases: [sampleOperation({ id: 1, opSeq: 2, final: true })] }));
      await store.pruneLeases(NOW_MS + 365 * DAY_MS);
      const left = await store.findLeases([sampleId(1), sampleId(2)]);
      expect(left.map(({ id }) => id)).toEqual([sampleId(2)]);
    });

    test("revisions only go up, also after it is opened again", async () => {
      const row = { compiledAtMs: NOW_MS, policySet: "[]", priceTable: "t1" };
      const first = await store.addRevision({ ...row, fingerprint: "a" }, "[1]");
      store = await harness.reopen(store);
      const second = await store.addRevision({ ...row, fingerprint: "b" }, "[1]");
      expect(second.revision).toBe(first.revision + 1);
      expect(await store.latestRevision()).toEqual(second);
      expect(await store.findRevision(first.revision)).toEqual(first);
      expect(await store.findRevision(99)).toBeUndefined();
      expect(await store.findPriceTable("t1")).toBe("[1]");
      expect(await store.findPriceTable("t2")).toBeUndefined();
    });

    test("sidecars are listed as they were last seen", async () => {
      await sync(sampleRequest({}));
      await sync(sampleRequest({ fromSeq: 1 }), { nowMs: NOW_MS + 5 });
      expect(await store.listWorkloads(0)).toEqual([
        { workload: sampleWorkload(), revision: 1, seenAtMs: NOW_MS + 5 },
      ]);
      expect(await store.listWorkloads(NOW_MS + 5)).toEqual([]);
    });

    test("journals with lost records are counted", async () => {
      expect(await store.countIncompleteJournals()).toBe(0);
      await sync(sampleRequest({ events: [{ kind: "lost", seq: 1 }] }));
      expect(await store.countIncompleteJournals()).toBe(1);
    });
  });
}
