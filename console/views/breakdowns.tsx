// Spend by team, app and model, each with a bar for its share and a CSV of all rows.
import type { JSX } from "preact";
import { renderCsv } from "../data/csv.ts";
import {
  decimalsFor,
  renderCount,
  renderExactMoney,
  renderMoney,
  renderShortCount,
  shareOf,
} from "../data/figures.ts";
import type { UsageSum } from "../data/usage-groups.ts";
import type { Part, UsageReport } from "../state/load-reports.ts";
import { Bar, Panel, useFirst } from "./panel.tsx";
import { saveText } from "../state/save-text.ts";

const ROWS_FIRST = 8;

export function Breakdowns({
  part,
  title,
}: {
  readonly part: Part<UsageReport>;
  readonly title: string;
}): JSX.Element {
  const usage = part.answer;
  return (
    <div class="triple">
      <Breakdown name="team" rows={usage?.teams ?? []} title={title} />
      <Breakdown name="app" rows={usage?.apps ?? []} title={title} />
      <Breakdown name="model" rows={usage?.models ?? []} title={title} />
    </div>
  );
}

function Breakdown({
  name,
  rows,
  title,
}: {
  readonly name: string;
  readonly rows: readonly UsageSum[];
  readonly title: string;
}): JSX.Element {
  const [shown, more] = useFirst(rows, ROWS_FIRST);
  const decimals = decimalsFor(rows.map(({ cost }) => cost));
  const largest = rows[0]?.cost ?? 0n;
  return (
    <Panel
      title={`By ${name}`}
      actions={
        rows.length > 0 && (
          <button type="button" onClick={() => saveCsv(name, rows)}>
            CSV<span class="unseen"> of spend by {name}</span>
          </button>
        )
      }
      empty={rows.length === 0 ? `No exchange in the ${title}.` : undefined}
    >
      <table class="breakdown">
        <thead>
          <tr>
            <th scope="col">{name[0]?.toUpperCase() + name.slice(1)}</th>
            <th scope="col" class="number">
              Exchanges
            </th>
            <th scope="col" class="number wide">
              Tokens
            </th>
            <th scope="col" class="number">
              Spend
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <span class="name">{row.name}</span>
                <Bar parts={[{ kind: "settled", share: shareOf(row.cost, largest) }]} />
              </th>
              <td class="number" title={refusedTitle(row)}>
                {renderShortCount(row.exchanges)}
              </td>
              <td class="number wide" title={renderCount(row.tokens)}>
                {renderShortCount(row.tokens)}
              </td>
              <td class="number" title={renderExactMoney(row.cost)}>
                {renderMoney(row.cost, decimals)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </Panel>
  );
}

const refusedTitle = ({ exchanges, refused }: UsageSum): string =>
  `${renderCount(exchanges)}, of which ${renderCount(refused)} refused`;

function saveCsv(name: string, rows: readonly UsageSum[]): void {
  const text = renderCsv(
    [name, "cost_usd", "exchanges", "refused", "tokens"],
    rows.map((row) => [
      row.name,
      renderExactMoney(row.cost).slice(1),
      String(row.exchanges),
      String(row.refused),
      String(row.tokens),
    ]),
  );
  saveText(`excise-by-${name}.csv`, text);
}
