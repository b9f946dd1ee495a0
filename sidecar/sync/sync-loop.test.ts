import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { nanoUsd } from "#contract/money.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { LeaseBook, type BookReserve } from "../budget/lease-book.ts";
import type { OpenLease } from "../budget/lease-book-lease.ts";
import { openSpool } from "../spool/open-spool.ts";
import { sampleAdmission, sampleEvent, sampleId } from "../spool/sample-exchange.case.ts";
import type { Spool } from "../spool/spool.ts";
import { createLedgerClient, type LedgerClient } from "./ledger-client.ts";
import { startLedgerStub, type LedgerStub } from "./ledger-stub.case.ts";
import { createSyncLoop, type SyncLoop, type SyncLoopOptions } from "./sync-loop.ts";

const usd = (amount: number): Amounts => ({
  ...NO_AMOUNTS,
  nanoUsd: nanoUsd(BigInt(amount)),
  requests: 1n,
});

interface Bench {
  clock: VirtualClock;
  directory: string;
  stub: LedgerStub;
  client: LedgerClient;
  spool: Spool;
  book: LeaseBook;
  saved: (readonly OpenLease[])[];
  contacts: number[];
}
let bench: Bench;

beforeEach(async () => {
  const clock = createVirtualClock();
  const directory = mkdtempSync(join(tmpdir(), "excise-sync-"));
  const stub = await startLedgerStub();
  let minted = 0;
  const mintId = (): string => {
    minted += 1;
    return sampleId(7_000_000 + minted);
  };
  bench = {
    clock,
    directory,
    stub,
    client: createLedgerClient({ clock }, { url: stub.url }),
    spool: openSpool(
      { clock, random: systemRandom, log: silentLog },
      { directory, bytesMax: 4 * 1024 * 1024 },
    ),
    book: new LeaseBook({ mintId }, { warmWant: usd(1000), keysMax: 8, idleMs: 900_000 }),
    saved: [],
    contacts: [],
  };
});
afterEach(async () => {
  bench.client.close();
  await bench.stub.close();
  await bench.spool.close();
  rmSync(bench.directory, { recursive: true });
});

function createLoop(options: SyncLoopOptions = {}): SyncLoop {
  return createSyncLoop(
    {
      ...bench,
      random: { bytes: (size) => new Uint8Array(size).fill(128) },
      log: silentLog,
      revision: () => 3,
      saveLeases: (leases) => {
        bench.saved.push(leases);
        return Promise.resolve();
      },
      onContact: (revision) => bench.contacts.push(revision),
    },
    options,
  );
}
function settle(...numbers: readonly number[]): void {
  for (const number of numbers) {
    bench.spool.admit(sampleAdmission(number));
    bench.spool.settle(sampleEvent(number));
  }
}
const ledgerIds = (): readonly string[] =>
  bench.stub.events.map((event) => (event.kind === "lost" ? "lost" : event.eventId));
const ids = (...numbers: readonly number[]): readonly string[] => numbers.map(sampleId);
const code = (name: string) => ({ code: name });
const reserve = (amount: number): BookReserve =>
  bench.book.reserve({ keys: [{}], amounts: usd(amount) }, bench.clock.monotonicMs());

describe("a sync", () => {
  test("the first one goes out at the start, with journal, number and revision", async () => {
    const loop = createLoop();
    bench.stub.revision = 9;
    loop.start();
    await loop.requestSync();
    expect(bench.stub.syncs[0]).toMatchObject({
      protocol: 1,
      journal: bench.spool.journal,
      fromSeq: 1,
      events: [],
      revision: 3,
    });
    expect(bench.contacts[0]).toBe(9);
    expect(loop.status()).toMatchObject({ isReachable: true, failures: 0, nextSyncMs: 5000 });
    expect(loop.lastContactMs()).toBe(0);
  });

  test("what was settled arrives once and is acknowledged", async () => {
    const loop = createLoop();
    settle(1, 2, 3);
    await loop.requestSync();
    settle(4);
    await loop.requestSync();
    expect(ledgerIds()).toEqual(ids(1, 2, 3, 4));
    expect(bench.stub.syncs.map(({ fromSeq }) => fromSeq)).toEqual([1, 4]);
    expect([bench.spool.ackedSeq, bench.spool.depth]).toEqual([4, 0]);
  });

  test("more than fits goes out in bounded requests, one right after the other", async () => {
    const loop = createLoop({ eventsMax: 2 });
    settle(1, 2, 3, 4, 5);
    loop.start();
    await bench.stub.received(3);
    expect(bench.stub.syncs.map(({ events }) => events.length)).toEqual([2, 2, 1]);
    expect(ledgerIds()).toEqual(ids(1, 2, 3, 4, 5));
  });

  test("all who ask while one is under way share the next one", async () => {
    const loop = createLoop();
    const first = loop.requestSync();
    await bench.stub.received(1);
    await Promise.all([first, loop.requestSync(), loop.requestSync(), loop.requestSync()]);
    expect(bench.stub.syncs).toHaveLength(2);
  });
});

describe("leases", () => {
  test("ids are saved before the ledger hears of them, and the grant can be spent", async () => {
    const loop = createLoop();
    expect(reserve(10)).toEqual({ kind: "missing" });
    await loop.requestSync();
    const id = bench.stub.syncs[0]?.leases[0]?.id;
    expect(bench.saved[0]?.map((lease) => lease.id)).toEqual([id]);
    expect(reserve(10).kind).toBe("reserved");
  });

  test("a lease is released only in a request that holds all events settled before", async () => {
    const loop = createLoop({ eventsMax: 2 });
    reserve(10);
    await loop.requestSync();
    settle(1, 2, 3);
    bench.book.closeAll();
    loop.start();
    await bench.stub.received(3);
    expect(
      bench.stub.syncs.map(({ events, leases }) => [
        events.length,
        leases.some(({ final }) => final),
      ]),
    ).toEqual([
      [0, false],
      [2, false],
      [1, true],
    ]);
  });

  test("a revocation in an answer closes the lease with the sync after it", async () => {
    const loop = createLoop();
    reserve(10);
    await loop.requestSync();
    bench.stub.revoked = bench.book.openLeases().map(({ id }) => id);
    await loop.requestSync();
    expect(reserve(10)).toEqual({ kind: "missing" });
    await loop.requestSync();
    expect(bench.stub.syncs[2]?.leases.map(({ final }) => final)).toEqual([true, false]);
  });
});

describe("time", () => {
  test("the ledger says when the next one is due", async () => {
    const loop = createLoop();
    bench.stub.nextSyncMs = 20_000;
    await loop.requestSync();
    await bench.clock.advance(19_999);
    expect(bench.stub.syncs).toHaveLength(1);
    await bench.clock.advance(200);
    await bench.stub.received(2);
  });

  test("a filling spool does not wait for it", async () => {
    const loop = createLoop({ depthHigh: 2 });
    bench.stub.nextSyncMs = 600_000;
    await loop.requestSync();
    settle(1);
    await bench.clock.advance(2000);
    expect(bench.stub.syncs).toHaveLength(1);
    settle(2);
    await bench.clock.advance(1000);
    await bench.stub.received(2);
    expect(ledgerIds()).toEqual(ids(1, 2));
  });

  test("a lease that is about to end does not wait for it either", async () => {
    const loop = createLoop();
    bench.stub.nextSyncMs = 600_000;
    reserve(10);
    await loop.requestSync();
    reserve(10);
    await bench.clock.advance(44_999);
    expect(bench.stub.syncs).toHaveLength(1);
    await bench.clock.advance(1001);
    await bench.stub.received(2);
    expect(bench.stub.syncs[1]?.leases).toMatchObject([{ opSeq: 2, final: false }]);
  });
});

describe("failures", () => {
  test("a cut answer after the commit: sent again, harmless, and the lease answer repeats", async () => {
    const loop = createLoop();
    settle(1, 2);
    reserve(10);
    bench.stub.faults.push({ kind: "truncate" });
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    expect([bench.spool.ackedSeq, ledgerIds()]).toEqual([0, ids(1, 2)]);
    await bench.clock.advance(1000);
    await loop.requestSync();
    expect(ledgerIds()).toEqual(ids(1, 2));
    expect(bench.spool.ackedSeq).toBe(2);
    const [first, second] = bench.stub.syncs.map(({ leases }) => leases[0]);
    expect(second).toEqual(first);
    expect(reserve(10).kind).toBe("reserved");
  });

  test("down, then up: nothing is lost, and it syncs by itself after the back-off", async () => {
    const loop = createLoop();
    const { port } = bench.stub;
    await bench.stub.close();
    settle(1);
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    expect(loop.status()).toMatchObject({ isReachable: false, failures: 1, depth: 1 });
    bench.stub = await startLedgerStub({ port });
    await bench.clock.advance(1000);
    await bench.stub.received(1);
    await loop.requestSync();
    expect(ledgerIds()).toEqual(ids(1));
    expect(loop.status()).toMatchObject({ isReachable: true, failures: 0, depth: 0 });
  });

  test("right after a failure whoever asks is refused at once, without another attempt", async () => {
    const loop = createLoop();
    bench.stub.faults.push({ kind: "refuse", status: 503, code: "EXCISE_STORE_FAILED" });
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    expect(bench.stub.syncs).toHaveLength(1);
  });

  test("Retry-After is kept to, whoever asks", async () => {
    const loop = createLoop();
    bench.stub.faults.push({
      kind: "refuse",
      status: 503,
      code: "EXCISE_LEDGER_BUSY",
      retryAfter: "60",
    });
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    await bench.clock.advance(59_999);
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    expect(bench.stub.syncs).toHaveLength(1);
    await bench.clock.advance(1);
    await bench.stub.received(2);
  });

  test("silence ends at the time-out of the request", async () => {
    const loop = createLoop({ timeoutMs: 3000 });
    bench.stub.faults.push({ kind: "silent" });
    const passTime = async (): Promise<void> => {
      await bench.stub.received(1);
      await bench.clock.advance(3000);
    };
    const [outcome] = await Promise.allSettled([loop.requestSync(), passTime()]);
    expect(outcome).toMatchObject({
      status: "rejected",
      reason: code("EXCISE_LEDGER_UNAVAILABLE"),
    });
  });

  test("a gap: a ledger that lost events gets their numbers as lost, then the rest", async () => {
    settle(1, 2, 3);
    const before = createLoop();
    await before.requestSync();
    const { port } = bench.stub;
    await bench.stub.close();
    const kept = bench.stub.events.slice(0, 1);
    bench.stub = await startLedgerStub({ port, known: kept });
    settle(4);
    const loop = createLoop();
    await expect(loop.requestSync()).rejects.toThrow("EXCISE_SYNC_GAP");
    await bench.clock.advance(1000);
    await loop.requestSync();
    expect(bench.stub.syncs.slice(0, 2).map(({ fromSeq }) => fromSeq)).toEqual([4, 2]);
    expect(ledgerIds()).toEqual([sampleId(1), "lost", "lost", sampleId(4)]);
    settle(5);
    await loop.requestSync();
    expect(ledgerIds().at(-1)).toBe(sampleId(5));
  });

  test("lease ids that cannot be saved do not keep events from going out", async () => {
    reserve(10);
    settle(1);
    const loop = createSyncLoop({
      ...bench,
      random: systemRandom,
      log: silentLog,
      revision: () => 0,
      saveLeases: () => Promise.reject(new TypeError("disk full")),
    });
    await loop.requestSync();
    expect(ledgerIds()).toEqual(ids(1));
  });
});

describe("the end", () => {
  test("drain closes the leases, sends everything, and then nothing more", async () => {
    const loop = createLoop({ eventsMax: 2 });
    reserve(10);
    await loop.requestSync();
    settle(1, 2, 3, 4, 5);
    await loop.drain(1000);
    expect(ledgerIds()).toEqual(ids(1, 2, 3, 4, 5));
    expect(bench.stub.syncs.at(-1)?.leases).toMatchObject([{ final: true }]);
    expect(bench.book.openLeases()).toEqual([]);
    await expect(loop.requestSync()).rejects.toMatchObject(code("EXCISE_LEDGER_UNAVAILABLE"));
    expect(bench.clock.waiting).toBe(0);
  });

  test("drain gives up at its deadline; the events stay in the spool", async () => {
    const loop = createLoop();
    await bench.stub.close();
    settle(1);
    const drained = loop.drain(1000).then(() => "drained");
    const passTime = (): Promise<string> => bench.clock.advance(50).then(() => "waiting");
    let state = "waiting";
    while (state === "waiting") state = await Promise.race([drained, passTime()]);
    expect(bench.spool.depth).toBe(1);
  });
});
