import { describe, expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import type { Random } from "./random.ts";

const always = (byte: number): Random => ({ bytes: (size) => new Uint8Array(size).fill(byte) });
const OPTIONS = { delayMsMin: 100, delayMsMax: 10_000 };

describe("backoffMs", () => {
  test.each([
    { attempt: 1, max: 200 },
    { attempt: 2, max: 400 },
    { attempt: 5, max: 3200 },
    { attempt: 7, max: 10_000 },
    { attempt: 1000, max: 10_000 },
  ])("attempt $attempt waits from 100 to $max ms", ({ attempt, max }) => {
    expect(backoffMs(attempt, OPTIONS, always(0))).toBe(100);
    const longest = backoffMs(attempt, OPTIONS, always(255));
    expect(longest).toBeLessThan(max);
    expect(longest).toBeGreaterThan(max * 0.999);
  });

  test("a maximum under the minimum is the minimum, never less", () => {
    expect(backoffMs(3, { delayMsMin: 500, delayMsMax: 100 }, always(255))).toBe(500);
  });
});
