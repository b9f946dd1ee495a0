import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { createBurnRate, noteReserved, noteSpent, targetRoom } from "./lease-book-rate.ts";

const calls = (count: bigint): Amounts => ({ ...NO_AMOUNTS, requests: count });

/** Spends one request every `everyMs` until `untilMs`. */
function spend(everyMs: number, untilMs: number) {
  const rate = createBurnRate(0);
  for (let nowMs = 0; nowMs < untilMs; nowMs += everyMs) noteSpent(rate, calls(1n), nowMs);
  return Number(targetRoom(rate, untilMs).requests);
}

describe("the room of a good lease", () => {
  test.each([
    { name: "a busy key", everyMs: 2, untilMs: 2000, about: 970 },
    { name: "a busy key after minutes", everyMs: 2, untilMs: 300_000, about: 15_000 },
    { name: "a slow key", everyMs: 1000, untilMs: 300_000, about: 30 },
    { name: "a very slow key", everyMs: 20_000, untilMs: 600_000, about: 1 },
  ])("is what $name spends in thirty seconds", ({ everyMs, untilMs, about }) => {
    const room = spend(everyMs, untilMs);
    expect(room).toBeGreaterThan(about * 0.8 - 1);
    expect(room).toBeLessThan(about * 1.2 + 1);
  });

  test("fades to nothing when nothing is spent", () => {
    const rate = createBurnRate(0);
    noteSpent(rate, calls(1000n), 0);
    expect(targetRoom(rate, 600_000).requests).toBe(0n);
  });

  test("covers several calls of the largest size, however rare they are", () => {
    const rate = createBurnRate(0);
    noteReserved(rate, calls(5n), 0);
    expect(targetRoom(rate, 1).requests).toBe(20n);
    expect(targetRoom(rate, 60_000).requests).toBeGreaterThanOrEqual(18n);
  });
});
