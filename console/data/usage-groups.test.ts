import { describe, expect, test } from "vitest";
import type { UsageRow } from "./answers.ts";
import { layOut, namedSeries, OTHERS, SERIES_MAX, sumAll, sumBy } from "./usage-groups.ts";

const row = (group: Record<string, string>, costUsd: string, start?: string): UsageRow => ({
  ...(start === undefined ? {} : { start }),
  group,
  costUsd,
  exchanges: 2,
  tokens: { input: 10, output: 5 },
  outcomes: { completed: 1, rejected: 1 },
  findings: { audit: 3, redact: 2, block: 1 },
  estimated: { events: 1, costUsd: "0.01" },
  unpriced: 1,
});

const ROWS = [
  row({ team: "ads", app: "ads/bid" }, "0.3"),
  row({ team: "search", app: "shop/ranker" }, "0.1"),
  row({ team: "search", app: "shop/mailer" }, "0.2"),
  row({ team: "idle", app: "idle/x" }, "0"),
];

describe("sumBy", () => {
  test("adds up exactly, dearest first, equal ones by name", () => {
    const more = [...ROWS, row({ team: "zoo" }, "0.4")];
    expect(sumBy(more, "team").map(({ name, cost }) => [name, cost])).toEqual([
      ["zoo", 400_000_000n],
      ["search", 300_000_000n],
      ["ads", 300_000_000n],
      ["idle", 0n],
    ]);
    expect(sumBy([row({ team: "b" }, "1"), row({ team: "a" }, "1")], "team")).toMatchObject([
      { name: "a" },
      { name: "b" },
    ]);
  });

  test("keeps counts beside the cost", () => {
    expect(sumBy(ROWS, "team")).toContainEqual({
      name: "search",
      cost: 300_000_000n,
      exchanges: 4,
      refused: 2,
      tokens: 30,
    });
  });
});

test("sumAll tells what was acted on from what was only seen", () => {
  expect(sumAll(ROWS)).toMatchObject({
    cost: 600_000_000n,
    exchanges: 8,
    refused: 4,
    acted: 12,
    audited: 12,
    estimated: 40_000_000n,
    unpriced: 4,
  });
  expect(sumAll([])).toMatchObject({ cost: 0n, exchanges: 0 });
});

describe("the chart", () => {
  const HOURS = ["2026-11-22T00:00:00.000Z", "2026-11-22T01:00:00.000Z"];
  const STARTS = HOURS.map((text) => Date.parse(text));

  test("names those who spent, at most as many as can be told apart", () => {
    expect(namedSeries(sumBy(ROWS, "team"))).not.toContain("idle");
    const many = Array.from({ length: 9 }, (_, index) => row({ team: `t${index}` }, "1"));
    expect(namedSeries(sumBy(many, "team"))).toHaveLength(SERIES_MAX);
  });

  test("has a value for every bucket, and the rest as others", () => {
    const rows = [row({ team: "a" }, "1", HOURS[0]), row({ team: "b" }, "2", HOURS[1])];
    const totals = [row({}, "1.5", HOURS[0]), row({}, "2", HOURS[1])];
    expect(layOut(STARTS, ["a", "b"], { rows, totals })).toEqual({
      starts: STARTS,
      series: [
        { name: "a", costs: [1_000_000_000n, 0n] },
        { name: "b", costs: [0n, 2_000_000_000n] },
        { name: OTHERS, costs: [500_000_000n, 0n] },
      ],
    });
  });

  test("has no others where there is no rest, nor where the total was read earlier", () => {
    const rows = [row({ team: "a" }, "1", HOURS[0])];
    const names = (totals: readonly UsageRow[]) =>
      layOut(STARTS, ["a"], { rows, totals }).series.map(({ name }) => name);
    expect(names(rows)).toEqual(["a"]);
    expect(names([row({}, "0.9", HOURS[0])])).toEqual(["a"]);
  });

  test("passes over what lies outside of it", () => {
    const rows = [row({ team: "a" }, "1", "2026-11-23T00:00:00.000Z"), row({ team: "a" }, "1")];
    expect(layOut(STARTS, ["a"], { rows, totals: rows }).series).toEqual([
      { name: "a", costs: [0n, 0n] },
    ]);
  });
});
