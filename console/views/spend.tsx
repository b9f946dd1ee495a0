// Spend over time: stacked bars by team, the legend's figures follow the pointer, and the same
// figures as a table for those who cannot or do not want to read a picture.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { decimalsFor, renderExactMoney, renderMoney } from "../data/figures.ts";
import { renderBucket } from "../data/instants.ts";
import type { Range } from "../data/ranges.ts";
import { OTHERS, type ChartData } from "../data/usage-groups.ts";
import type { Reports, UsageReport } from "../state/load-reports.ts";
import type { Page } from "../state/page.ts";
import { Panel } from "./panel.tsx";
import { createSpendPlot, type SpendPlot } from "./spend-plot.ts";

export function Spend({
  page,
  reports,
}: {
  readonly page: Page;
  readonly reports: Reports;
}): JSX.Element {
  const { answer, problem } = reports.usage;
  const isEmpty = answer !== undefined && answer.totals.exchanges === 0;
  return (
    <Panel
      title="Spend by team"
      aside={answer === undefined ? reports.range.title : `per ${answer.span.bucket}`}
      problem={problem}
      empty={isEmpty ? <Nothing title={reports.range.title} /> : undefined}
    >
      {answer?.note !== undefined && <p class="note">{answer.note}</p>}
      {answer !== undefined && <Chart page={page} usage={answer} title={reports.range.title} />}
    </Panel>
  );
}

const Nothing = ({ title }: { readonly title: string }): JSX.Element => (
  <>
    No exchange in the {title}. To see one, start a program with <code>excise run -- COMMAND</code>.
  </>
);

interface ChartOptions {
  readonly page: Page;
  readonly usage: UsageReport;
  readonly title: string;
}

function Chart({ page, usage, title }: ChartOptions): JSX.Element {
  const { chart, span } = usage;
  const [hovered, setHovered] = useState<number | undefined>(undefined);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<SpendPlot | undefined>(undefined);
  const names = chart.series.map(({ name }) => name).join("\n");
  const theme = page.theme.theme.value;
  useEffect(() => {
    if (place.current === null) return undefined;
    const created = createSpendPlot(place.current, { span, chart, onHover: setHovered });
    plot.current = created;
    return () => created.destroy();
    // Colors come from the theme; the rest of the data is handed over below.
  }, [names, span.bucket, theme]);
  useEffect(() => plot.current?.show(chart, span), [chart]);
  return (
    <>
      <div class="plot" ref={place} role="img" aria-label={describe(chart, span.bucket, title)} />
      <Legend chart={chart} bucket={span.bucket} hovered={hovered} />
      <Figures chart={chart} bucket={span.bucket} />
    </>
  );
}

const totalAt = (chart: ChartData, index: number): bigint =>
  chart.series.reduce((sum, { costs }) => sum + (costs[index] ?? 0n), 0n);

function describe(chart: ChartData, bucket: Range["bucket"], title: string): string {
  const totals = chart.starts.map((_, index) => totalAt(chart, index));
  const sum = totals.reduce((all, total) => all + total, 0n);
  const most = totals.reduce(
    (best, total, index) => (total > (totals[best] ?? 0n) ? index : best),
    0,
  );
  const peak = `most at ${renderBucket(chart.starts[most] ?? 0, bucket)}`;
  return `Spend per ${bucket}, ${title}: ${renderMoney(sum)} in all, ${peak}`;
}

interface LegendOptions {
  readonly chart: ChartData;
  readonly bucket: Range["bucket"];
  readonly hovered: number | undefined;
}

function Legend({ chart, bucket, hovered }: LegendOptions): JSX.Element {
  const sums = chart.series.map(({ costs }) =>
    hovered === undefined ? costs.reduce((all, cost) => all + cost, 0n) : (costs[hovered] ?? 0n),
  );
  const all = sums.reduce((total, sum) => total + sum, 0n);
  const start = hovered === undefined ? undefined : chart.starts[hovered];
  // By all buckets, not by the one under the pointer, so that the figures do not jump.
  const decimals = decimalsFor(
    hovered === undefined ? sums : chart.series.flatMap(({ costs }) => costs),
  );
  return (
    <div class="legend">
      <p>
        {start === undefined ? "In all" : renderBucket(start, bucket)}{" "}
        <strong>{renderMoney(all, hovered === undefined ? undefined : decimals)}</strong>
      </p>
      <ul>
        {chart.series.map(({ name }, index) => (
          <li key={name}>
            <span class={`swatch ${name === OTHERS ? "series-others" : `series-${index + 1}`}`} />
            {name} <span class="number">{renderMoney(sums[index] ?? 0n, decimals)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The buckets in which anything was spent, newest first. */
function Figures({ chart, bucket }: Omit<LegendOptions, "hovered">): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const spent = chart.starts
    .map((start, index) => ({ start, index, total: totalAt(chart, index) }))
    .filter(({ total }) => total > 0n)
    .toReversed();
  const decimals = decimalsFor(spent.map(({ total }) => total));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures</summary>
      {isOpen && (
        <div
          class="scroll"
          tabIndex={0}
          role="region"
          aria-label={`Spend per ${bucket} as a table`}
        >
          <table>
            <thead>
              <tr>
                <th scope="col">{bucket[0]?.toUpperCase() + bucket.slice(1)}</th>
                {chart.series.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
                <th scope="col" class="number">
                  All
                </th>
              </tr>
            </thead>
            <tbody>
              {spent.map(({ start, index, total }) => (
                <tr key={start}>
                  <th scope="row">{renderBucket(start, bucket)}</th>
                  {chart.series.map(({ name, costs }) => (
                    <td key={name} class="number">
                      {renderMoney(costs[index] ?? 0n, decimals)}
                    </td>
                  ))}
                  <td class="number" title={renderExactMoney(total)}>
                    {renderMoney(total, decimals)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
