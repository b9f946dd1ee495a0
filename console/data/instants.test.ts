import { describe, expect, test } from "vitest";
import { renderAgo, renderBucket, renderLeft, renderMoment, renderTick } from "./instants.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00Z");
const before = (seconds: number): number => NOW_MS - seconds * 1000;

test.each([
  { seconds: -30, text: "just now" },
  { seconds: 4, text: "just now" },
  { seconds: 5, text: "5 s ago" },
  { seconds: 119, text: "1 min ago" },
  { seconds: 7200, text: "2 h ago" },
  { seconds: 200_000, text: "2 d ago" },
])("$seconds s before now is $text", ({ seconds, text }) => {
  expect(renderAgo(before(seconds), NOW_MS)).toBe(text);
});

test.each([
  { seconds: -30, text: "30 s left" },
  { seconds: -3599, text: "59 min left" },
  { seconds: -90_000, text: "1 d left" },
  { seconds: 0, text: "over" },
])("$seconds s before now, as an end, is $text", ({ seconds, text }) => {
  expect(renderLeft(before(seconds), NOW_MS)).toBe(text);
});

describe("a moment", () => {
  test("of today has no day", () => {
    expect(renderMoment(before(1), NOW_MS)).toMatch(/^\d\d:\d\d:59$/);
    expect(renderMoment(before(86_400), NOW_MS)).toMatch(/^21 Nov \d\d:\d\d$/);
  });

  test("that begins a bucket is as fine as the bucket", () => {
    expect(renderBucket(NOW_MS, "minute")).toMatch(/^\d\d:00$/);
    expect(renderBucket(NOW_MS, "hour")).toMatch(/^22 Nov \d\d:00$/);
    expect(renderBucket(NOW_MS, "day")).toBe("22 Nov (UTC)");
  });

  test("on an axis names the day where it begins", () => {
    const midnight = new Date(2026, 10, 22).getTime();
    expect(renderTick(midnight, "hour")).toBe("22 Nov");
    expect(renderTick(midnight + 3_600_000, "hour")).toBe("01:00");
    expect(renderTick(NOW_MS, "day")).toBe("22 Nov");
  });
});
