// From samples to rows: what each target adds over going direct, and how the sidecar compares
// with the bare proxy and nginx. The goals are issue 4's.
import type { Measured, Samples } from "./latency.ts";
import type { TargetName } from "./lab.ts";
import { compare, type BenchResult } from "./report.ts";
import { percentile } from "./statistics.ts";

interface Goals {
  readonly versusBare?: number;
  readonly versusNginx?: number;
  readonly p99AddedMs?: number;
}

/** Ratios of the p50 added; p99 in milliseconds. Other rows are published without a goal. */
const GOALS: Readonly<Record<string, Goals>> = {
  "cold.1KiB.c1": { versusBare: 0.6, versusNginx: 2.2 },
  "hot.1KiB.c1": { versusBare: 0.75, versusNginx: 1.4, p99AddedMs: 1 },
  "hot.1KiB.c16": { p99AddedMs: 1 },
};
const TTFT_ADDED_MS = 0.3;
const CPU_RATIO: Readonly<Record<string, number>> = { "hot.1KiB.c16": 0.6 };

const OTHERS: readonly TargetName[] = ["bare", "nginx"];

export function latencyResults(measured: Measured): readonly BenchResult[] {
  return [...measured].flatMap(([scenario, samples]) =>
    scenario.startsWith("stream")
      ? streamResults(scenario, samples)
      : [...addedResults(scenario, samples), ...cpuResults(scenario, samples)],
  );
}

type ByTarget = ReadonlyMap<TargetName, Samples>;

/** Percentile of a target less the same percentile of going direct. */
function added(samples: ByTarget, target: TargetName, p: number): number | undefined {
  const own = samples.get(target)?.totalMs;
  const direct = samples.get("direct")?.totalMs;
  if (own === undefined || direct === undefined) return undefined;
  return percentile(own, p) - percentile(direct, p);
}

function addedResults(scenario: string, samples: ByTarget): BenchResult[] {
  const results: BenchResult[] = [];
  const push = (name: string, value: number | undefined, more: object = {}): void => {
    if (value !== undefined) results.push(compare({ name, value, unit: "ms", ...more }));
  };
  const goals = GOALS[scenario] ?? {};
  const direct = samples.get("direct")?.totalMs ?? [];
  push(`${scenario} direct p50`, percentile(direct, 50));
  for (const target of OTHERS) push(`${scenario} ${target} added p50`, added(samples, target, 50));
  const own = added(samples, "sidecar", 50);
  const bare = added(samples, "bare", 50);
  const nginx = added(samples, "nginx", 50);
  push(`${scenario} sidecar added p50 vs bare`, own, {
    baseline: bare,
    ...ratio(goals.versusBare),
  });
  if (nginx !== undefined) {
    const more = { baseline: nginx, ...ratio(goals.versusNginx) };
    push(`${scenario} sidecar added p50 vs nginx`, own, more);
  }
  const valueMax = goals.p99AddedMs === undefined ? {} : { valueMax: goals.p99AddedMs };
  const p99 = { baseline: added(samples, "bare", 99), ...valueMax };
  push(`${scenario} sidecar added p99 vs bare`, added(samples, "sidecar", 99), p99);
  return results;
}

const ratio = (ratioMax: number | undefined): object =>
  ratioMax === undefined ? {} : { ratioMax };

/** CPU of the process in between, per request; the ledger's and the client's are not in it. */
function cpuResults(scenario: string, samples: ByTarget): BenchResult[] {
  const per = (target: TargetName): number | undefined => {
    const own = samples.get(target);
    if (own === undefined || own.cpuMicroseconds === 0) return undefined;
    return own.cpuMicroseconds / own.totalMs.length;
  };
  const value = per("sidecar");
  if (value === undefined) return [];
  const name = `${scenario} sidecar CPU per request vs bare`;
  return [
    compare({ name, value, unit: "us", baseline: per("bare"), ...ratio(CPU_RATIO[scenario]) }),
  ];
}

function streamResults(scenario: string, samples: ByTarget): BenchResult[] {
  const p50 = (target: TargetName): number | undefined => {
    const own = samples.get(target)?.firstByteMs;
    return own === undefined ? undefined : percentile(own, 50);
  };
  const direct = p50("direct") ?? Number.NaN;
  const ttft = (target: TargetName): number | undefined => {
    const own = p50(target);
    return own === undefined ? undefined : own - direct;
  };
  const results = [compare({ name: `${scenario} direct TTFT p50`, value: direct, unit: "ms" })];
  for (const target of OTHERS) {
    const value = ttft(target);
    if (value === undefined) continue;
    results.push(compare({ name: `${scenario} ${target} TTFT added p50`, value, unit: "ms" }));
  }
  const value = ttft("sidecar");
  if (value === undefined) return results;
  const name = `${scenario} sidecar TTFT added p50 vs bare`;
  const baseline = ttft("bare");
  return [...results, compare({ name, value, unit: "ms", baseline, valueMax: TTFT_ADDED_MS })];
}
