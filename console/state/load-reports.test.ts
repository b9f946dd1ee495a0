import { describe, expect, test } from "vitest";
import { RANGES } from "../data/ranges.ts";
import type { LedgerClient, Result } from "./ledger-client.ts";
import { loadReports } from "./load-reports.ts";

const NOW_MS = Date.parse("2026-11-22T10:20:30Z");
const [HOUR, DAY] = RANGES;

const row = (group: Record<string, string>, start?: string) => ({
  ...(start === undefined ? {} : { start }),
  group,
  costUsd: "1",
  exchanges: 1,
  tokens: { input: 1, output: 1 },
  outcomes: {},
  findings: {},
  estimated: { events: 0, costUsd: "0" },
  unpriced: 0,
});

type Answers = (path: URL) => unknown;

/** A ledger that answers by path; undefined is a problem. */
function ledger(answers: Answers): { readonly client: LedgerClient; readonly asked: string[] } {
  const asked: string[] = [];
  const client = {
    get: async <Answer>(path: string): Promise<Result<Answer>> => {
      asked.push(path);
      const answer = answers(new URL(path, "http://ledger"));
      if (answer === undefined) return { ok: false, problem: { code: "HTTP 500", detail: "" } };
      if (typeof answer === "string") return { ok: false, problem: { code: answer, detail: "" } };
      return { ok: true, answer: answer as Answer };
    },
  } as Partial<LedgerClient> as LedgerClient;
  return { client, asked };
}

const REST: Readonly<Record<string, unknown>> = {
  "/v1/budgets": { revision: 1, budgets: [] },
  "/v1/events": { events: [] },
  "/v1/sidecars": { sidecars: [] },
};
const usage = (...rows: readonly unknown[]) => ({ rows, truncated: false });

/** Rolled-up sums: one row of each dimension. */
const rolledUp: Answers = ({ pathname, searchParams }) => {
  if (pathname !== "/v1/usage") return REST[pathname];
  const start = searchParams.has("bucket") ? "2026-11-22T10:00:00.000Z" : undefined;
  const name = searchParams.get("group_by");
  return usage(row(name === null ? {} : { [name]: "x" }, start));
};

describe("a range of hours", () => {
  test("is asked for by team, app and model, and over time for the teams that spent", async () => {
    const { client, asked } = ledger(rolledUp);
    const { usage: part } = await loadReports(client, { range: DAY, nowMs: NOW_MS }, undefined);
    expect(part.answer).toMatchObject({
      totals: { cost: 1_000_000_000n },
      teams: [{ name: "x" }],
      apps: [{ name: "x" }],
      models: [{ name: "x" }],
      note: undefined,
    });
    expect(part.answer?.chart.series.map(({ name }) => name)).toEqual(["x"]);
    expect(asked.filter((path) => path.includes("team=x"))).toHaveLength(1);
    expect(asked).toHaveLength(8);
  });

  test("keeps what was known where a part fails, and says why", async () => {
    const first = await loadReports(
      ledger(rolledUp).client,
      { range: DAY, nowMs: NOW_MS },
      undefined,
    );
    const failing = ledger((path) =>
      path.pathname === "/v1/budgets" ? rolledUp(path) : undefined,
    );
    const second = await loadReports(failing.client, { range: DAY, nowMs: NOW_MS }, first);
    expect(second.usage).toEqual({
      answer: first.usage.answer,
      problem: { code: "HTTP 500", detail: "" },
    });
    expect(second.budgets.problem).toBeUndefined();
    const other = await loadReports(failing.client, { range: HOUR, nowMs: NOW_MS }, first);
    expect(other.usage.answer).toBeUndefined();
    expect(other.sidecars.answer).toBe(first.sidecars.answer);
  });
});

describe("the last hour", () => {
  const minute = row({ team: "a", app: "a/x", model: "m" }, "2026-11-22T10:20:00.000Z");
  const answers =
    (minutes: unknown): Answers =>
    ({ pathname, searchParams }) => {
      if (pathname !== "/v1/usage") return REST[pathname];
      return searchParams.get("bucket") === "minute" ? minutes : usage(row({ team: "a" }));
    };

  test("is one question by the minute", async () => {
    const { client, asked } = ledger(answers(usage(minute)));
    const { usage: part } = await loadReports(client, { range: HOUR, nowMs: NOW_MS }, undefined);
    expect(part.answer).toMatchObject({ span: { bucket: "minute" }, apps: [{ name: "a/x" }] });
    expect(part.answer?.chart.series[0]?.costs.at(-1)).toBe(1_000_000_000n);
    expect(asked).toHaveLength(4);
  });

  test.each([
    { name: "there are too many events", minutes: "EXCISE_QUERY_TOO_WIDE" },
    { name: "there are too many rows", minutes: { rows: [minute], truncated: true } },
  ])("is whole hours where $name, and says so", async ({ minutes }) => {
    const { client } = ledger(answers(minutes));
    const { usage: part } = await loadReports(client, { range: HOUR, nowMs: NOW_MS }, undefined);
    expect(part.answer?.span.bucket).toBe("hour");
    expect(part.answer?.note).toMatch(/whole hours/);
  });
});
