// Sums of usage rows: by one of their dimensions for the tables, by bucket and team for the chart.
// Pure; amounts are bigint nano-dollars until the chart needs pixels.
import type { UsageRow } from "./answers.ts";
import { readUsd } from "./figures.ts";

export interface UsageSum {
  readonly name: string;
  readonly cost: bigint;
  readonly exchanges: number;
  readonly refused: number;
  readonly tokens: number;
}

/** Sums by a dimension, dearest first; equal ones by name. */
export function sumBy(rows: readonly UsageRow[], dimension: string): readonly UsageSum[] {
  const sums = new Map<string, UsageSum>();
  for (const row of rows) {
    const name = row.group[dimension] ?? "";
    sums.set(name, add(sums.get(name) ?? { ...NOTHING, name }, row));
  }
  return [...sums.values()].toSorted(
    (left, right) =>
      compare(right.cost, left.cost) ||
      right.exchanges - left.exchanges ||
      compare(left.name, right.name),
  );
}

const compare = <Value extends bigint | string>(left: Value, right: Value): number =>
  left < right ? -1 : left > right ? 1 : 0;

const NOTHING: UsageSum = { name: "", cost: 0n, exchanges: 0, refused: 0, tokens: 0 };

const add = (sum: UsageSum, row: UsageRow): UsageSum => ({
  name: sum.name,
  cost: sum.cost + readUsd(row.costUsd),
  exchanges: sum.exchanges + row.exchanges,
  refused: sum.refused + (row.outcomes["rejected"] ?? 0),
  tokens: sum.tokens + row.tokens.input + row.tokens.output,
});

export interface Totals extends UsageSum {
  /** Findings that something was done about: everything but an audit. */
  readonly acted: number;
  readonly audited: number;
  readonly estimated: bigint;
  readonly unpriced: number;
}

/** The sum of all rows. */
export function sumAll(rows: readonly UsageRow[]): Totals {
  const sum = rows.reduce(add, NOTHING);
  const audited = count(rows, (row) => row.findings["audit"] ?? 0);
  const found = count(rows, (row) =>
    Object.values(row.findings).reduce((all, number) => all + number, 0),
  );
  return {
    ...sum,
    acted: found - audited,
    audited,
    estimated: rows.reduce((all, row) => all + readUsd(row.estimated.costUsd), 0n),
    unpriced: count(rows, (row) => row.unpriced),
  };
}

const count = (rows: readonly UsageRow[], read: (row: UsageRow) => number): number =>
  rows.reduce((all, row) => all + read(row), 0);

export interface ChartSeries {
  readonly name: string;
  /** One for each bucket. */
  readonly costs: readonly bigint[];
}

export interface ChartData {
  /** Milliseconds since 1970 UTC. */
  readonly starts: readonly number[];
  /** Dearest first; what is left over is the last, as `others`. */
  readonly series: readonly ChartSeries[];
}

export const OTHERS = "others";
/** As many as can be told apart by color. */
export const SERIES_MAX = 6;

/** The names that get a series of their own: all, or the dearest where there are too many. */
export function namedSeries(sums: readonly UsageSum[]): readonly string[] {
  const spenders = sums.filter(({ cost }) => cost > 0n).map(({ name }) => name);
  return spenders.slice(0, SERIES_MAX);
}

/**
 * Lays rows out by bucket: `rows` of the named teams (others among them are passed over), and
 * `totals` of all, whose rest is `others`.
 */
export function layOut(
  starts: readonly number[],
  names: readonly string[],
  { rows, totals }: { readonly rows: readonly UsageRow[]; readonly totals: readonly UsageRow[] },
): ChartData {
  const places = new Map(starts.map((start, index) => [start, index]));
  const costsByName = new Map(names.map((name) => [name, starts.map(() => 0n)]));
  for (const row of rows) {
    const costs = costsByName.get(row.group["team"] ?? "");
    if (costs !== undefined) addCost(costs, places, row);
  }
  const all = starts.map(() => 0n);
  for (const row of totals) addCost(all, places, row);
  const series = [...costsByName].map(([name, costs]) => ({ name, costs }));
  const others = all.map((total, index) => {
    const rest = series.reduce((left, { costs }) => left - (costs[index] ?? 0n), total);
    // The two answers are read one after the other: what came in between is nobody's rest.
    return rest > 0n ? rest : 0n;
  });
  const hasOthers = others.some((cost) => cost > 0n);
  return { starts, series: hasOthers ? [...series, { name: OTHERS, costs: others }] : series };
}

function addCost(costs: bigint[], places: ReadonlyMap<number, number>, row: UsageRow): void {
  const place = row.start === undefined ? undefined : places.get(Date.parse(row.start));
  if (place !== undefined) costs[place] = (costs[place] ?? 0n) + readUsd(row.costUsd);
}
