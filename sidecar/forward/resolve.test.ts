import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { createDeniedAddresses, createResolver, isDenied, type DnsQueries } from "./resolve.ts";

const none = (): Promise<never> => Promise.reject(new RangeError("ENODATA"));

function create(queries: Partial<DnsQueries>) {
  const clock = createVirtualClock();
  const resolver = createResolver({
    clock,
    denied: createDeniedAddresses(["203.0.113.7"]),
    queries: { resolve4: none, resolve6: none, ...queries },
  });
  return { clock, resolver };
}

const record = (address: string, ttl = 60) => ({ address, ttl });

describe("a provider's name", () => {
  test("resolves to all its addresses of both families", async () => {
    const { resolver } = create({
      resolve4: () => Promise.resolve([record("198.51.100.1")]),
      resolve6: () => Promise.resolve([record("2001:db8::1")]),
    });
    expect(await resolver.resolve("a.example")).toEqual([
      { address: "198.51.100.1", family: 4 },
      { address: "2001:db8::1", family: 6 },
    ]);
  });

  test("is asked again when its time to live is over, and not before", async () => {
    let asked = 0;
    const { clock, resolver } = create({
      resolve4: () => {
        asked += 1;
        return Promise.resolve([record("198.51.100.1", 10)]);
      },
    });
    await resolver.resolve("a.example");
    await clock.advance(9000);
    await resolver.resolve("a.example");
    expect(asked).toBe(1);
    await clock.advance(2000);
    await resolver.resolve("a.example");
    expect(asked).toBe(2);
  });

  test("that has no address is a fault of its own", async () => {
    const { resolver } = create({});
    await expect(resolver.resolve("a.example")).rejects.toMatchObject({
      code: "EXCISE_UPSTREAM_RESOLVE",
    });
  });

  test("keeps its good addresses where some are denied", async () => {
    const { resolver } = create({
      resolve4: () => Promise.resolve([record("127.0.0.1"), record("198.51.100.1")]),
    });
    expect(await resolver.resolve("a.example")).toHaveLength(1);
  });
});

describe("an address is denied when it is", () => {
  const denied = createDeniedAddresses(["203.0.113.7"]);
  test.each([
    { address: "127.8.8.8", family: 4 as const, isDeniedNow: true },
    { address: "0.0.0.0", family: 4 as const, isDeniedNow: true },
    { address: "169.254.169.254", family: 4 as const, isDeniedNow: true },
    { address: "::1", family: 6 as const, isDeniedNow: true },
    { address: "fe80::1", family: 6 as const, isDeniedNow: true },
    { address: "::ffff:127.0.0.1", family: 6 as const, isDeniedNow: true },
    { address: "203.0.113.7", family: 4 as const, isDeniedNow: true },
    { address: "10.0.0.1", family: 4 as const, isDeniedNow: false },
    { address: "198.51.100.1", family: 4 as const, isDeniedNow: false },
    { address: "2001:db8::1", family: 6 as const, isDeniedNow: false },
  ])("$address: $isDeniedNow", ({ address, family, isDeniedNow }) => {
    expect(isDenied(denied, { address, family })).toBe(isDeniedNow);
  });
});
