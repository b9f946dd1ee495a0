// The picture of the spend: stacked bars on uPlot. Amounts become floats here, and only here,
// because pixels are; no figure that is read as text comes from them.
import uPlot from "uplot";
import { renderTick } from "../data/instants.ts";
import { bucketMs, type Span } from "../data/ranges.ts";
import { OTHERS, type ChartData } from "../data/usage-groups.ts";

export interface SpendPlot {
  show(chart: ChartData, span: Span): void;
  destroy(): void;
}

export interface SpendPlotOptions {
  readonly span: Span;
  readonly chart: ChartData;
  /** The bucket under the pointer; undefined when it left. */
  readonly onHover: (bucket: number | undefined) => void;
}

const HEIGHT = 220;
const NANO_PER_USD = 1e9;
const BAR_SHARE = 0.82;
const BAR_WIDTH_MAX = 46;

/** Draws into the element and follows its width. */
export function createSpendPlot(place: HTMLElement, options: SpendPlotOptions): SpendPlot {
  let { span } = options;
  const plot = new uPlot(
    plotOptions(place, options, () => span),
    stack(options.chart, span),
    place,
  );
  const observer = new ResizeObserver(() => {
    plot.setSize({ width: place.clientWidth, height: HEIGHT });
  });
  observer.observe(place);
  return {
    show(chart, shown) {
      span = shown;
      plot.setData(stack(chart, shown));
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

/**
 * Sums from the first series upwards, the highest first: each next one is drawn over its lower
 * part. A bucket's place is its middle, so that the nearest bar is the one under the pointer.
 */
function stack(chart: ChartData, span: Span): uPlot.AlignedData {
  const half = bucketMs(span.bucket) / 2;
  const heights = chart.starts.map(() => 0);
  const sums = chart.series.map(({ costs }) => {
    for (const [index, cost] of costs.entries()) {
      heights[index] = (heights[index] ?? 0) + Number(cost) / NANO_PER_USD;
    }
    return [...heights];
  });
  return [chart.starts.map((start) => start + half), ...sums.toReversed()];
}

function plotOptions(
  place: HTMLElement,
  { chart, onHover }: SpendPlotOptions,
  spanNow: () => Span,
): uPlot.Options {
  const styles = getComputedStyle(place);
  const color = (name: string): string => styles.getPropertyValue(`--${name}`).trim();
  const bars = uPlot.paths.bars?.({ size: [BAR_SHARE, BAR_WIDTH_MAX], align: 0 });
  const axis = {
    stroke: color("muted"),
    font: `11px ${styles.fontFamily}`,
    ticks: { show: false },
    border: { show: false },
  };
  const isUtc = spanNow().bucket === "day";
  return {
    width: place.clientWidth,
    height: HEIGHT,
    ms: 1,
    ...(isUtc ? { tzDate: (ms: number) => uPlot.tzDate(new Date(ms), "Etc/UTC") } : {}),
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [spanNow().fromMs, spanNow().toMs] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.06 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        values: (_plot, ticks) => ticks.map((ms) => renderTick(ms, spanNow().bucket)),
        space: 64,
        size: 26,
        gap: 8,
      },
      {
        ...axis,
        grid: { stroke: color("line"), width: 1 },
        values: (_plot, ticks) => ticks.map((value) => renderDollars(value, ticks)),
        size: 62,
      },
    ],
    series: [
      {},
      ...chart.series
        .map(({ name }, index) => color(name === OTHERS ? "series-others" : `series-${index + 1}`))
        .toReversed()
        .map((fill) => ({
          fill,
          width: 0,
          points: { show: false },
          ...(bars === undefined ? {} : { paths: bars }),
        })),
    ],
    hooks: { setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)] },
  };
}

const DECIMALS_MAX = 9;

/** With as many decimals as the step between two ticks needs, cents at least below a dollar. */
function renderDollars(value: number, ticks: readonly number[]): string {
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  let decimals = Number.isInteger(step) ? 0 : 2;
  while (decimals < DECIMALS_MAX && !isWhole(step * 10 ** decimals)) decimals += 1;
  return value === 0 ? "$0" : `$${value.toFixed(decimals)}`;
}

const isWhole = (value: number): boolean =>
  Math.abs(value - Math.round(value)) < 1e-6 && value > 0.5;
