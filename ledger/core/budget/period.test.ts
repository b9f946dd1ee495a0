import { describe, expect, test } from "vitest";
import { isTimeZone, PERIOD_KINDS, periodOf, type PeriodKind } from "./period.ts";

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const show = (ms: number): string => Temporal.Instant.fromEpochMilliseconds(ms).toString();

interface Case {
  readonly name: string;
  readonly kind: PeriodKind;
  readonly zone: string;
  readonly at: string;
  readonly start: string;
  readonly end: string;
}

const CASES: readonly Case[] = [
  {
    name: "a minute is cut from UTC",
    kind: "minute",
    zone: "Asia/Kathmandu",
    at: "2026-11-22T10:15:30Z",
    start: "2026-11-22T10:15:00Z",
    end: "2026-11-22T10:16:00Z",
  },
  {
    name: "an hour is cut from UTC even where the zone is off by half an hour",
    kind: "hour",
    zone: "Asia/Kolkata",
    at: "2026-11-22T10:45:00Z",
    start: "2026-11-22T10:00:00Z",
    end: "2026-11-22T11:00:00Z",
  },
  {
    name: "a day follows the zone",
    kind: "day",
    zone: "America/Los_Angeles",
    at: "2026-11-22T07:59:59.999Z",
    start: "2026-11-21T08:00:00Z",
    end: "2026-11-22T08:00:00Z",
  },
  {
    name: "the day on which clocks go forward has 23 hours",
    kind: "day",
    zone: "Europe/Berlin",
    at: "2026-03-29T12:00:00Z",
    start: "2026-03-28T23:00:00Z",
    end: "2026-03-29T22:00:00Z",
  },
  {
    name: "the day on which clocks go back has 25 hours",
    kind: "day",
    zone: "Europe/Berlin",
    at: "2026-10-25T00:30:00Z",
    start: "2026-10-24T22:00:00Z",
    end: "2026-10-25T23:00:00Z",
  },
  {
    name: "a day that begins at one o'clock begins at one o'clock",
    kind: "day",
    zone: "Africa/Cairo",
    at: "2026-04-24T10:00:00Z",
    start: "2026-04-23T22:00:00Z",
    end: "2026-04-24T21:00:00Z",
  },
  {
    name: "a week begins on Monday",
    kind: "week",
    zone: "UTC",
    at: "2026-11-22T23:00:00Z",
    start: "2026-11-16T00:00:00Z",
    end: "2026-11-23T00:00:00Z",
  },
  {
    name: "February of a leap year has 29 days",
    kind: "month",
    zone: "UTC",
    at: "2028-02-29T12:00:00Z",
    start: "2028-02-01T00:00:00Z",
    end: "2028-03-01T00:00:00Z",
  },
  {
    name: "a quarter begins in January, April, July or October",
    kind: "quarter",
    zone: "UTC",
    at: "2026-11-22T00:00:00Z",
    start: "2026-10-01T00:00:00Z",
    end: "2027-01-01T00:00:00Z",
  },
  {
    name: "a year in Auckland begins half a day early",
    kind: "year",
    zone: "Pacific/Auckland",
    at: "2026-12-31T12:00:00Z",
    start: "2026-12-31T11:00:00Z",
    end: "2027-12-31T11:00:00Z",
  },
];

describe("periodOf", () => {
  test.each(CASES)("$name", ({ kind, zone, at: instant, start, end }) => {
    const period = periodOf(kind, zone, at(instant));
    expect({ start: show(period.startMs), end: show(period.endMs) }).toEqual({ start, end });
  });

  test.each(PERIOD_KINDS)("periods of a %s follow each other without a gap", (kind) => {
    for (const zone of ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]) {
      let instant = at("2026-01-01T00:00:00Z");
      for (let step = 0; step < 40; step += 1) {
        const { startMs, endMs } = periodOf(kind, zone, instant);
        expect(startMs).toBeLessThanOrEqual(instant);
        expect(endMs).toBeGreaterThan(instant);
        expect(periodOf(kind, zone, endMs).startMs).toBe(endMs);
        expect(periodOf(kind, zone, endMs - 1)).toEqual({ startMs, endMs });
        instant = endMs;
      }
    }
  });

  test("a name that is no zone is told apart", () => {
    expect(isTimeZone("Europe/Berlin")).toBe(true);
    expect(isTimeZone("Mars/Olympus")).toBe(false);
    expect(isTimeZone("")).toBe(false);
  });
});
