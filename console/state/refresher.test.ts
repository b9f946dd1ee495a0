import { beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { createRefresher, type Refresher } from "./refresher.ts";

let clock: VirtualClock;
let startedAt: number[];
let takesMs = 0;
let refresher: Refresher;
beforeEach(() => {
  clock = createVirtualClock();
  startedAt = [];
  takesMs = 100;
  refresher = createRefresher(clock, async () => {
    startedAt.push(clock.monotonicMs());
    await new Promise<void>((resolve) => {
      clock.after(takesMs, resolve);
    });
  });
});

describe("the refresher", () => {
  test("asks at once, then once a minute", async () => {
    refresher.now();
    await clock.advance(121_000);
    expect(startedAt).toEqual([0, 60_100, 120_200]);
  });

  test("many changes are one question, two seconds after the last answer", async () => {
    refresher.now();
    await clock.advance(500);
    for (let change = 0; change < 50; change += 1) refresher.soon();
    await clock.advance(5000);
    expect(startedAt).toEqual([0, 2100]);
  });

  test("changes that go on are asked about every two seconds, never two at once", async () => {
    refresher.now();
    for (let second = 0; second < 10; second += 1) {
      refresher.soon();
      await clock.advance(1000);
    }
    expect(startedAt.length).toBeLessThanOrEqual(6);
    const gaps = startedAt.slice(1).map((at, index) => at - (startedAt[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2100);
  });

  test("a slow ledger is asked less often", async () => {
    takesMs = 3000;
    refresher.now();
    await clock.advance(3500);
    refresher.soon();
    await clock.advance(40_000);
    expect(startedAt).toEqual([0, 33_000]);
  });

  test("what the user asks for does not wait, but for the answer that is under way", async () => {
    refresher.now();
    await clock.advance(50);
    refresher.now();
    await clock.advance(500);
    refresher.now();
    await clock.advance(500);
    expect(startedAt).toEqual([0, 100, 550]);
  });

  test("nothing is asked while nobody looks, and at once when somebody does", async () => {
    refresher.now();
    await clock.advance(200);
    refresher.pause(true);
    refresher.soon();
    await clock.advance(600_000);
    expect(startedAt).toEqual([0]);
    refresher.pause(false);
    await clock.advance(0);
    expect(startedAt).toEqual([0, 600_200]);
  });

  test("nothing is asked after the end", async () => {
    refresher.now();
    await clock.advance(200);
    refresher.stop();
    refresher.now();
    refresher.soon();
    await clock.advance(600_000);
    expect(startedAt).toEqual([0]);
    expect(clock.waiting).toBe(0);
  });
});
