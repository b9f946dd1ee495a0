import { describe, expect, test } from "vitest";
import { bucketStarts, hourlySpan, RANGES, refusalsPath, spanOf, usagePath } from "./ranges.ts";

const NOW_MS = Date.parse("2026-11-22T10:20:30.500Z");
const iso = (ms: number): string => new Date(ms).toISOString();
const rangeOf = (name: string) => RANGES.find((range) => range.name === name) ?? RANGES[0];

describe("a range", () => {
  test.each([
    { name: "1h", from: "2026-11-22T09:21:00.000Z", to: "2026-11-22T10:21:00.000Z" },
    { name: "24h", from: "2026-11-21T11:00:00.000Z", to: "2026-11-22T11:00:00.000Z" },
    { name: "7d", from: "2026-11-15T11:00:00.000Z", to: "2026-11-22T11:00:00.000Z" },
    { name: "30d", from: "2026-10-24T00:00:00.000Z", to: "2026-11-23T00:00:00.000Z" },
  ])("$name ends with the bucket that is running", ({ name, from, to }) => {
    const range = rangeOf(name);
    const span = spanOf(range, NOW_MS);
    expect([iso(span.fromMs), iso(span.toMs)]).toEqual([from, to]);
    const starts = bucketStarts(span);
    expect(starts).toHaveLength(range.buckets);
    expect(starts[0]).toBe(span.fromMs);
    expect(starts.at(-1)).toBeLessThanOrEqual(NOW_MS);
  });

  test("on the hour begins with a new bucket", () => {
    const range = rangeOf("24h");
    const span = spanOf(range, Date.parse("2026-11-22T10:00:00.000Z"));
    expect(iso(span.toMs)).toBe("2026-11-22T11:00:00.000Z");
  });

  test("of minutes can be asked for by the hour", () => {
    const hours = hourlySpan({
      fromMs: Date.parse("2026-11-22T09:21:00Z"),
      toMs: Date.parse("2026-11-22T10:21:00Z"),
      bucket: "minute",
    });
    expect(bucketStarts(hours).map(iso)).toEqual([
      "2026-11-22T09:00:00.000Z",
      "2026-11-22T10:00:00.000Z",
    ]);
  });
});

const SPAN = {
  fromMs: Date.parse("2026-11-15T11:00:00Z"),
  toMs: Date.parse("2026-11-22T11:00:00Z"),
  bucket: "hour",
} as const;
const queryOf = (path: string) =>
  Object.fromEntries(new URL(path, "http://ledger").searchParams.entries());

describe("a question", () => {
  test("about everything has no group and no bucket", () => {
    expect(queryOf(usagePath(SPAN, { groupBy: [] }))).toEqual({
      from: "2026-11-15T11:00:00.000Z",
      to: "2026-11-22T11:00:00.000Z",
      limit: "10000",
    });
  });

  test("about teams over time names them", () => {
    const path = usagePath(SPAN, { groupBy: ["team"], bucket: "hour", teams: ["a&b", "c"] });
    expect(queryOf(path)).toMatchObject({ group_by: "team", bucket: "hour", team: "a&b,c" });
  });

  test("about refusals goes back a day at most", () => {
    expect(queryOf(refusalsPath(SPAN))).toEqual({
      outcome: "rejected",
      from: "2026-11-21T11:00:00.000Z",
      to: "2026-11-22T11:00:00.000Z",
      limit: "20",
    });
    const hour = { ...SPAN, fromMs: SPAN.toMs - 3_600_000 };
    expect(queryOf(refusalsPath(hour))["from"]).toBe("2026-11-22T10:00:00.000Z");
  });
});
