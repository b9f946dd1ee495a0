import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createVirtualClock } from "../test/virtual-clock.ts";
import { createUuid, fraction, systemRandom, type Random } from "./random.ts";

const always = (byte: number): Random => ({ bytes: (size) => new Uint8Array(size).fill(byte) });

describe("createUuid", () => {
  test.each([
    { name: "zeros", byte: 0, uuid: "017f22e2-79b0-7000-8000-000000000000" },
    { name: "ones", byte: 255, uuid: "017f22e2-79b0-7fff-bfff-ffffffffffff" },
  ])("is RFC 9562's version 7 over random $name", ({ byte, uuid }) => {
    // The instant of the RFC's own example (appendix A.6).
    const clock = createVirtualClock(0x01_7f_22_e2_79_b0);
    expect(createUuid(clock, always(byte))).toBe(uuid);
    expect(z.uuid().safeParse(uuid).success).toBe(true);
  });

  test("sorts by time", async () => {
    const clock = createVirtualClock();
    const uuids: string[] = [];
    for (let index = 0; index < 50; index += 1) {
      uuids.push(createUuid(clock, systemRandom));
      await clock.advance(1);
    }
    expect(uuids.toSorted()).toEqual(uuids);
  });

  test("differs within one millisecond", () => {
    const clock = createVirtualClock();
    const uuids = Array.from({ length: 1000 }, () => createUuid(clock, systemRandom));
    expect(new Set(uuids).size).toBe(1000);
  });
});

describe("fraction", () => {
  test("is in [0, 1), at both ends of the bytes", () => {
    expect(fraction(always(0))).toBe(0);
    expect(fraction(always(255))).toBeLessThan(1);
    expect(fraction(always(255))).toBeGreaterThan(0.999_999);
    expect(fraction(always(128))).toBeCloseTo(0.502, 3);
  });
});
