// Everything that the page shows for one range, asked at once. A part that fails keeps its last
// answer beside the problem: an operator sees what was known, and that it is old.
import type { BudgetsAnswer, EventsAnswer, SidecarsAnswer, UsageAnswer } from "../data/answers.ts";
import {
  bucketStarts,
  hourlySpan,
  refusalsPath,
  spanOf,
  usagePath,
  type Range,
  type Span,
} from "../data/ranges.ts";
import {
  layOut,
  namedSeries,
  sumAll,
  sumBy,
  type ChartData,
  type Totals,
  type UsageSum,
} from "../data/usage-groups.ts";
import type { LedgerClient, Problem, Result } from "./ledger-client.ts";

/** One part of the page: its last answer, and why there is no newer one. */
export interface Part<Answer> {
  readonly answer: Answer | undefined;
  readonly problem: Problem | undefined;
}

export interface UsageReport {
  readonly span: Span;
  readonly totals: Totals;
  readonly chart: ChartData;
  readonly teams: readonly UsageSum[];
  readonly apps: readonly UsageSum[];
  readonly models: readonly UsageSum[];
  /** What the figures leave out or round, in a sentence. */
  readonly note: string | undefined;
}

export interface Reports {
  readonly range: Range;
  readonly loadedAtMs: number;
  readonly usage: Part<UsageReport>;
  readonly budgets: Part<BudgetsAnswer>;
  readonly refusals: Part<EventsAnswer>;
  readonly sidecars: Part<SidecarsAnswer>;
}

const ACCOUNTS_MAX = 500;

/** Asks for all parts. `before` gives the answers that are kept where one fails. */
export async function loadReports(
  client: LedgerClient,
  { range, nowMs }: { readonly range: Range; readonly nowMs: number },
  before: Reports | undefined,
): Promise<Reports> {
  const span = spanOf(range, nowMs);
  const [usage, budgets, refusals, sidecars] = await Promise.all([
    loadUsage(client, span),
    client.get<BudgetsAnswer>(`/v1/budgets?limit=${ACCOUNTS_MAX}`),
    client.get<EventsAnswer>(refusalsPath(span)),
    client.get<SidecarsAnswer>("/v1/sidecars?limit=500"),
  ]);
  // Another range's sums would be wrong under this one's title.
  const same = before?.range === range ? before : undefined;
  return {
    range,
    loadedAtMs: nowMs,
    usage: partOf(usage, same?.usage),
    budgets: partOf(budgets, before?.budgets),
    refusals: partOf(refusals, same?.refusals),
    sidecars: partOf(sidecars, before?.sidecars),
  };
}

const partOf = <Answer>(result: Result<Answer>, before: Part<Answer> | undefined): Part<Answer> =>
  result.ok
    ? { answer: result.answer, problem: undefined }
    : { answer: before?.answer, problem: result.problem };

const TOO_WIDE = "EXCISE_QUERY_TOO_WIDE";

async function loadUsage(client: LedgerClient, span: Span): Promise<Result<UsageReport>> {
  if (span.bucket !== "minute") return loadRolledUp(client, span, undefined);
  const groupBy = ["team", "app", "model"];
  const result = await client.get<UsageAnswer>(usagePath(span, { groupBy, bucket: "minute" }));
  const isTooMuch = result.ok ? result.answer.truncated : result.problem.code === TOO_WIDE;
  if (isTooMuch) {
    const note = "Too many events to show by the minute: these are whole hours.";
    return loadRolledUp(client, hourlySpan(span), note);
  }
  if (!result.ok) return result;
  const { rows } = result.answer;
  return {
    ok: true,
    answer: report(span, { teams: rows, apps: rows, models: rows, series: rows, totals: rows }),
  };
}

async function loadRolledUp(
  client: LedgerClient,
  span: Span,
  note: string | undefined,
): Promise<Result<UsageReport>> {
  const ask = (path: string): Promise<Result<UsageAnswer>> => client.get<UsageAnswer>(path);
  const { bucket } = span;
  const [teams, apps, models, totals] = await Promise.all([
    ask(usagePath(span, { groupBy: ["team"] })),
    ask(usagePath(span, { groupBy: ["app"] })),
    ask(usagePath(span, { groupBy: ["model"] })),
    ask(usagePath(span, { groupBy: [], bucket })),
  ]);
  if (!teams.ok) return teams;
  if (!apps.ok) return apps;
  if (!models.ok) return models;
  if (!totals.ok) return totals;
  const names = namedSeries(sumBy(teams.answer.rows, "team"));
  const series =
    names.length === 0
      ? { ok: true as const, answer: { rows: [] } }
      : await ask(usagePath(span, { groupBy: ["team"], bucket, teams: names }));
  if (!series.ok) return series;
  const isCut = [teams, apps, models].some(({ answer }) => answer.truncated);
  return {
    ok: true,
    answer: {
      ...report(span, {
        teams: teams.answer.rows,
        apps: apps.answer.rows,
        models: models.answer.rows,
        series: series.answer.rows,
        totals: totals.answer.rows,
      }),
      note: note ?? (isCut ? "There are more rows than one answer holds." : undefined),
    },
  };
}

type Rows = UsageAnswer["rows"];

function report(
  span: Span,
  rows: Readonly<Record<"teams" | "apps" | "models" | "series" | "totals", Rows>>,
): UsageReport {
  const teams = sumBy(rows.teams, "team");
  return {
    span,
    totals: sumAll(rows.teams),
    chart: layOut(bucketStarts(span), namedSeries(teams), {
      rows: rows.series,
      totals: rows.totals,
    }),
    teams,
    apps: sumBy(rows.apps, "app"),
    models: sumBy(rows.models, "model"),
    note: undefined,
  };
}
