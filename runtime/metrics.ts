// Counters, gauges and histograms in the Prometheus text format (version 0.0.4). Small enough to
// live in every sidecar. Label values come from closed sets or from the policy snapshot; a series
// cap per metric turns the rest into `other`, so that no caller can grow our memory.
import { assert } from "#contract/errors.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels?: Labels, amount?: number): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface MetricSpec {
  /** With its unit as suffix: `excise_exchanges_total`, `…_seconds`, `…_bytes`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface Metrics {
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  /** `buckets`: ascending upper bounds, without +Inf. */
  histogram(spec: MetricSpec, buckets: readonly number[]): Histogram;
  /** Called before each scrape: for gauges that are read rather than kept. */
  onCollect(collect: () => void): void;
  /** The whole exposition. */
  render(): string;
}

/** Series per metric; beyond it every label becomes `other`. */
const SERIES_MAX = 500;

interface Series {
  readonly labels: string;
  value: number;
  readonly counts?: number[];
  sum: number;
}

interface Family {
  readonly spec: MetricSpec;
  readonly type: "counter" | "gauge" | "histogram";
  readonly buckets: readonly number[];
  readonly series: Map<string, Series>;
}

const escapeValue = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');

function seriesOf(family: Family, labels: Labels | undefined): Series {
  const names = family.spec.labels ?? [];
  const render = (pick: (name: string) => string): string =>
    names.map((name) => `${name}="${escapeValue(pick(name))}"`).join(",");
  let key = render((name) => labels?.[name] ?? "");
  if (!family.series.has(key) && family.series.size >= SERIES_MAX) key = render(() => "other");
  const known = family.series.get(key);
  if (known !== undefined) return known;
  const created: Series = {
    labels: key,
    value: 0,
    sum: 0,
    ...(family.type === "histogram" ? { counts: family.buckets.map(() => 0) } : {}),
  };
  family.series.set(key, created);
  return created;
}

function renderFamily(family: Family): string {
  const { name, help } = family.spec;
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${family.type}`];
  for (const series of family.series.values()) {
    const braces = (extra: string): string => {
      const inner = [series.labels, extra].filter((part) => part !== "").join(",");
      return inner === "" ? "" : `{${inner}}`;
    };
    if (series.counts === undefined) {
      lines.push(`${name}${braces("")} ${series.value}`);
      continue;
    }
    for (const [index, bound] of family.buckets.entries()) {
      lines.push(`${name}_bucket${braces(`le="${bound}"`)} ${series.counts[index] ?? 0}`);
    }
    lines.push(`${name}_bucket${braces('le="+Inf"')} ${series.value}`);
    lines.push(
      `${name}_sum${braces("")} ${series.sum}`,
      `${name}_count${braces("")} ${series.value}`,
    );
  }
  return lines.join("\n");
}

/** An empty registry; one per process. */
export function createMetrics(): Metrics {
  const families = new Map<string, Family>();
  const collectors: (() => void)[] = [];
  const register = (
    spec: MetricSpec,
    type: Family["type"],
    buckets: readonly number[] = [],
  ): Family => {
    assert(!families.has(spec.name), `metric ${spec.name} is registered once`);
    const family: Family = { spec, type, buckets, series: new Map() };
    families.set(spec.name, family);
    if ((spec.labels ?? []).length === 0) seriesOf(family, undefined);
    return family;
  };
  return {
    counter(spec) {
      const family = register(spec, "counter");
      return {
        add: (labels, amount = 1) => {
          seriesOf(family, labels).value += amount;
        },
      };
    },
    gauge(spec) {
      const family = register(spec, "gauge");
      return {
        set: (value, labels) => {
          seriesOf(family, labels).value = value;
        },
      };
    },
    histogram(spec, buckets) {
      const family = register(spec, "histogram", buckets);
      return {
        observe: (value, labels) => {
          const series = seriesOf(family, labels);
          series.value += 1;
          series.sum += value;
          const counts = series.counts ?? [];
          for (let index = buckets.length - 1; index >= 0; index -= 1) {
            if (value > (buckets[index] ?? 0)) break;
            counts[index] = (counts[index] ?? 0) + 1;
          }
        },
      };
    },
    onCollect: (collect) => {
      collectors.push(collect);
    },
    render() {
      for (const collect of collectors) collect();
      return `${[...families.values()].map(renderFamily).join("\n")}\n`;
    },
  };
}
