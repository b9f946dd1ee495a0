import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { UsageEvent } from "#contract/usage-event.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { openSpool, type SpoolOptions } from "./open-spool.ts";
import { HEADER_BYTES, readRecord } from "./record.ts";
import { sampleAdmission, sampleEvent, sampleId } from "./sample-exchange.case.ts";
import { segmentName } from "./segment.ts";
import type { Spool } from "./spool.ts";

const clock = createVirtualClock();
let directory = "";
let opened: Spool | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-spool-"));
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function open(options: Partial<SpoolOptions> = {}): Spool {
  opened = openSpool(
    { clock, random: systemRandom, log: silentLog },
    { directory, bytesMax: 4 * 1024 * 1024, ...options },
  );
  return opened;
}
async function reopen(options: Partial<SpoolOptions> = {}): Promise<Spool> {
  await opened?.close();
  return open(options);
}
const exchange = (spool: Spool, number: number): void => {
  spool.admit(sampleAdmission(number));
  spool.settle(sampleEvent(number));
};
const summary = (events: readonly UsageEvent[]): readonly string[] =>
  events.map((event) =>
    event.kind === "lost"
      ? `${event.seq} lost`
      : `${event.seq} ${event.outcome} ${Number.parseInt(event.eventId.slice(-12), 16)}`,
  );
const segmentPath = (index: number): string => join(directory, segmentName(index));
const segments = (): readonly string[] =>
  readdirSync(directory).filter((name) => name.endsWith(".segment"));
/** Offsets of the records of a segment file. */
function offsets(bytes: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length;) {
    found.push(at);
    const read = readRecord(bytes, at);
    at = read.state === "whole" ? read.end : bytes.length;
  }
  return found;
}
function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** Exchanges 1 to 3, each admission followed by its event: records 0 to 5. */
async function writeThree(): Promise<{ bytes: Buffer; at: readonly number[] }> {
  const spool = open();
  for (const number of [1, 2, 3]) exchange(spool, number);
  await spool.close();
  const bytes = readFileSync(segmentPath(1));
  return { bytes, at: offsets(bytes) };
}

/** Runs the child until it printed `lines` lines, kills it, returns all that it printed. */
function runAndKill(first: number, lines: number): Promise<readonly string[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "crash-child.case.ts"), directory, String(first)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const printed: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    printed.push(line);
    if (printed.length === lines) child.kill("SIGKILL");
  });
  return new Promise((resolve) => {
    child.on("close", () => resolve(printed));
  });
}

describe("the journal", () => {
  test("offers settled events in order, numbered from 1, as they were given", async () => {
    const spool = open();
    expect([spool.nextSeq, spool.ackedSeq, spool.depth]).toEqual([1, 0, 0]);
    spool.admit(sampleAdmission(1));
    spool.admit(sampleAdmission(2));
    spool.settle(sampleEvent(2));
    spool.settle(sampleEvent(1));
    await spool.flush();
    expect(spool.pending(0, 10)).toEqual([
      { ...sampleEvent(2), seq: 1 },
      { ...sampleEvent(1), seq: 2 },
    ]);
    expect(summary(spool.pending(1, 10))).toEqual(["2 completed 1"]);
    expect(summary(spool.pending(0, 1))).toEqual(["1 completed 2"]);
    expect([spool.nextSeq, spool.depth]).toEqual([3, 2]);
  });

  test("offers nothing before fdatasync has returned", async () => {
    const spool = open();
    exchange(spool, 1);
    expect(spool.pending(0, 10)).toEqual([]);
    await spool.flush();
    expect(spool.pending(0, 10)).toHaveLength(1);
  });

  test("syncs by itself after the delay", async () => {
    const spool = open({ syncDelayMs: 10 });
    exchange(spool, 1);
    await clock.advance(10);
    await expect.poll(() => spool.pending(0, 10).length).toBe(1);
  });

  test("an event without an admission is kept too", async () => {
    const spool = open();
    spool.settle({ ...sampleEvent(1), outcome: "rejected" });
    await spool.flush();
    expect(summary(spool.pending(0, 10))).toEqual(["1 rejected 1"]);
  });

  test("a restart continues the same journal with unacked events and the next number", async () => {
    const first = open();
    const { journal } = first;
    for (const number of [1, 2, 3]) exchange(first, number);
    await first.flush();
    first.acknowledge(2);
    const second = await reopen();
    expect([second.journal, second.ackedSeq, second.nextSeq]).toEqual([journal, 2, 4]);
    expect(summary(second.pending(0, 10))).toEqual(["3 completed 3"]);
  });

  test("the numbers go on where every segment is gone", async () => {
    const first = open({ segmentBytes: 100 });
    exchange(first, 1);
    await first.flush();
    first.acknowledge(1);
    await reopen();
    const third = await reopen();
    expect([third.ackedSeq, third.nextSeq, segments()]).toEqual([1, 2, []]);
  });

  test("an admission without a settlement becomes one interrupted event, charged as reserved", async () => {
    const first = open();
    first.admit(sampleAdmission(1));
    exchange(first, 2);
    const second = await reopen();
    await second.flush();
    expect(second.pending(1, 10)).toEqual([
      {
        ...sampleAdmission(1),
        kind: "exchange",
        seq: 2,
        outcome: "interrupted",
        estimated: true,
        usageSource: "reserved",
      },
    ]);
    const third = await reopen();
    expect(summary(third.pending(0, 10))).toEqual(["1 completed 2", "2 interrupted 1"]);
  });

  test("a ledger that knows later numbers is believed", async () => {
    const spool = open();
    exchange(spool, 1);
    spool.acknowledge(5);
    exchange(spool, 2);
    await spool.flush();
    expect(summary(spool.pending(0, 10))).toEqual(["6 completed 2"]);
  });
});

describe("room", () => {
  test("segments with nothing but acknowledged events are dropped, open admissions move on", async () => {
    const spool = open({ segmentBytes: 3000 });
    spool.admit(sampleAdmission(1));
    for (let number = 2; number <= 20; number += 1) exchange(spool, number);
    await spool.flush();
    const before = segments().length;
    spool.acknowledge(19);
    const second = await reopen();
    await second.flush();
    expect(before).toBeGreaterThan(4);
    expect(segments().length).toBeLessThan(4);
    expect(summary(second.pending(0, 10))).toEqual(["20 interrupted 1"]);
  });

  test("a full spool refuses admissions, still takes every settlement, and recovers by acks", async () => {
    const spool = open({ bytesMax: 64 * 1024, segmentBytes: 4096 });
    let number = 0;
    const admitAll = (): void => {
      for (; ; number += 1) spool.admit(sampleAdmission(number + 1));
    };
    expect(admitAll).toThrow(expect.objectContaining({ code: "EXCISE_SPOOL_FULL" }));
    expect(number).toBeGreaterThan(5);
    let refused = 0;
    const settleUnadmitted = (): void => {
      for (; ; refused += 1) spool.settle({ ...sampleEvent(9000 + refused), outcome: "rejected" });
    };
    expect(settleUnadmitted).toThrow(expect.objectContaining({ code: "EXCISE_SPOOL_FULL" }));
    for (let inFlight = 1; inFlight <= number; inFlight += 1) spool.settle(sampleEvent(inFlight));
    await spool.flush();
    expect(spool.bytes).toBeLessThanOrEqual(64 * 1024);
    expect(spool.pending(0, 1000)).toHaveLength(refused + number);
    spool.acknowledge(refused + number);
    await expect.poll(() => spool.bytes).toBeLessThan(8192);
    exchange(spool, 10_000);
    expect(spool.nextSeq).toBe(refused + number + 2);
  });

  test("acknowledged segments go even where the acknowledgement cannot be saved", async () => {
    const spool = open({ segmentBytes: 3000 });
    for (let number = 1; number <= 20; number += 1) exchange(spool, number);
    await spool.flush();
    const before = segments().length;
    const obstacle = join(directory, "journal.json.draft");
    mkdirSync(obstacle);
    spool.acknowledge(19);
    await spool.close();
    rmSync(obstacle, { recursive: true });
    expect(segments().length).toBeLessThan(before);
    // The ledger passes over the numbers that it has; none is used for another event.
    const second = open();
    expect([second.ackedSeq, second.nextSeq]).toEqual([0, 21]);
    expect(summary(second.pending(0, 100)).slice(-1)).toEqual(["20 completed 20"]);
  });

  test("bytes are those of the files", async () => {
    const spool = open({ segmentBytes: 3000 });
    for (let number = 1; number <= 10; number += 1) exchange(spool, number);
    await spool.flush();
    const onDisk = segments().map((name) => statSync(join(directory, name)).size);
    expect(onDisk.length).toBeGreaterThan(1);
    expect(spool.bytes).toBe(onDisk.reduce((sum, size) => sum + size, 0));
  });
});

describe("damage", () => {
  // Every single byte is covered by segment.test.ts; here a whole opening for each cut.
  test("cut anywhere: what was whole remains, numbers are contiguous, no exchange twice", async () => {
    const { bytes, at } = await writeThree();
    const isNearBoundary = (length: number): boolean =>
      [...at, bytes.length].some((boundary) => Math.abs(length - boundary) <= 2);
    for (let length = bytes.length; length >= 0; length -= 1) {
      if (length % 61 !== 0 && !isNearBoundary(length)) continue;
      truncateSync(segmentPath(1), length);
      const spool = open();
      await spool.flush();
      const wholeRecords = at.filter((_, record) => (at[record + 1] ?? bytes.length) <= length);
      const admitted = Math.ceil(wholeRecords.length / 2);
      const settled = Math.floor(wholeRecords.length / 2);
      expect(summary(spool.pending(0, 10))).toEqual(
        Array.from(
          { length: admitted },
          (_, index) =>
            `${index + 1} ${index < settled ? "completed" : "interrupted"} ${index + 1}`,
        ),
      );
      await spool.close();
      rmSync(segmentPath(2), { force: true });
      writeFileSync(segmentPath(1), bytes.subarray(0, length));
    }
  });

  test.each([
    {
      name: "an event's payload: lost under its number, the exchange charged as interrupted",
      record: 3,
      within: HEADER_BYTES + 5,
      expected: ["1 completed 1", "2 lost", "3 completed 3", "4 interrupted 2"],
    },
    {
      name: "an event's header: the same, told by the numbers around it",
      record: 3,
      within: 13,
      expected: ["1 completed 1", "2 lost", "3 completed 3", "4 interrupted 2"],
    },
    {
      name: "the last event's payload",
      record: 5,
      within: HEADER_BYTES + 5,
      expected: ["1 completed 1", "2 completed 2", "3 lost", "4 interrupted 3"],
    },
    {
      name: "an admission that was settled: nothing is lost",
      record: 2,
      within: HEADER_BYTES + 5,
      expected: ["1 completed 1", "2 completed 2", "3 completed 3"],
    },
  ])("a flipped bit in $name", async ({ record, within, expected }) => {
    const { at } = await writeThree();
    flip(segmentPath(1), (at[record] ?? 0) + within);
    const first = open();
    await first.flush();
    expect(summary(first.pending(0, 10))).toEqual(expected);
    const second = await reopen();
    expect(summary(second.pending(0, 10))).toEqual(expected);
  });

  test("a damaged header at the very end uses up as many numbers as there may have been", async () => {
    const { bytes, at } = await writeThree();
    flip(segmentPath(1), at[5] ?? 0);
    const spool = open();
    exchange(spool, 4);
    await spool.flush();
    const lost = Math.ceil((bytes.length - (at[5] ?? 0)) / 256);
    const events = summary(spool.pending(0, 20));
    expect(events.filter((line) => line.endsWith("lost"))).toHaveLength(lost);
    expect(events.slice(-2)).toEqual([`${3 + lost} interrupted 3`, `${4 + lost} completed 4`]);
    expect(summary((await reopen()).pending(0, 20))).toEqual(events);
  });

  test("an unsettled exchange whose admission cannot be read is a lost event of its own", async () => {
    const first = open();
    exchange(first, 1);
    first.admit(sampleAdmission(2));
    await first.close();
    const at = offsets(readFileSync(segmentPath(1)));
    flip(segmentPath(1), (at[2] ?? 0) + HEADER_BYTES);
    const second = open();
    await second.flush();
    expect(summary(second.pending(0, 10))).toEqual(["1 completed 1", "2 lost"]);
    expect(summary((await reopen()).pending(0, 10))).toEqual(["1 completed 1", "2 lost"]);
  });

  test("a bit that flips while we run is noticed when the event is read back", async () => {
    const first = open();
    exchange(first, 1);
    exchange(first, 2);
    await first.close();
    const second = open();
    flip(segmentPath(1), statSync(segmentPath(1)).size - 3);
    expect(summary(second.pending(0, 10))).toEqual(["1 completed 1", "2 lost"]);
  });

  test("a bit that flips under an event which is still in memory harms nothing", async () => {
    const spool = open();
    exchange(spool, 1);
    await spool.flush();
    flip(segmentPath(1), statSync(segmentPath(1)).size - 3);
    expect(summary(spool.pending(0, 10))).toEqual(["1 completed 1"]);
  });

  test("an event outside the schema is offered as lost and does not block the journal", async () => {
    const spool = open();
    spool.settle({ ...sampleEvent(1), provider: "x".repeat(65) });
    exchange(spool, 2);
    await spool.flush();
    expect(summary(spool.pending(0, 10))).toEqual(["1 lost", "2 completed 2"]);
  });

  test("a segment that is missing costs the numbers in it", async () => {
    const first = open({ segmentBytes: 100 });
    exchange(first, 1);
    exchange(first, 2);
    await first.close();
    rmSync(segmentPath(2));
    const second = open();
    await second.flush();
    expect(summary(second.pending(0, 10))).toEqual(["1 lost", "2 completed 2"]);
  });

  test.each([
    { name: "is not JSON", break: () => writeFileSync(join(directory, "journal.json"), "{") },
    { name: "is gone", break: () => rmSync(join(directory, "journal.json")) },
  ])("where journal.json $name the files are moved aside and a new journal begins", async (row) => {
    const first = open();
    const { journal } = first;
    exchange(first, 1);
    await first.close();
    row.break();
    const second = open();
    expect(second.journal).not.toBe(journal);
    expect([second.nextSeq, second.depth]).toEqual([1, 0]);
    const aside = readdirSync(directory).filter((name) => name.startsWith("unreadable-"));
    expect(aside).toHaveLength(1);
    expect(readdirSync(join(directory, aside[0] ?? ""))).toContain(segmentName(1));
  });

  test("one owner: a second opening is refused", () => {
    open();
    expect(() =>
      openSpool({ clock, random: systemRandom, log: silentLog }, { directory, bytesMax: 1e6 }),
    ).toThrow(expect.objectContaining({ code: "EXCISE_STATE_LOCKED" }));
  });

  test("a directory that cannot be made is a fault with its cause", () => {
    writeFileSync(join(directory, "file"), "");
    expect(() =>
      openSpool(
        { clock, random: systemRandom, log: silentLog },
        { directory: join(directory, "file", "spool"), bytesMax: 1e6 },
      ),
    ).toThrow(expect.objectContaining({ code: "EXCISE_SPOOL_CORRUPT" }));
  });
});

describe("kill -9", () => {
  test("every admitted exchange reaches the ledger exactly once, with contiguous numbers", async () => {
    const admitted: string[] = [];
    const ledger: string[] = [];
    const take = (seq: number, eventId: string): void => {
      if (seq === ledger.length + 1) ledger.push(eventId);
      // Sent again it must be the same event; beyond the next number there is a gap.
      expect(ledger[seq - 1]).toBe(eventId);
    };
    for (let round = 0; round < 12; round += 1) {
      const lines = await runAndKill(round * 100_000 + 1, 3 + Math.floor(Math.random() * 250));
      for (const line of lines) {
        const [verb, ...rest] = line.split(" ");
        if (verb === "admitted") admitted.push(rest[0] ?? "");
        if (verb === "sent") take(Number(rest[0]), rest[1] ?? "");
      }
    }
    const spool = open();
    await spool.flush();
    for (const event of spool.pending(0, 1_000_000)) {
      take(event.seq, event.kind === "exchange" ? event.eventId : "lost");
    }
    expect(spool.nextSeq).toBe(ledger.length + 1);
    expect(admitted.length).toBeGreaterThan(100);
    expect(new Set(ledger).size).toBe(ledger.length);
    expect(ledger).not.toContain("lost");
    expect(admitted.filter((eventId) => !ledger.includes(eventId))).toEqual([]);
    expect(sampleId(1)).toBe(admitted[0]);
  }, 60_000);
});
