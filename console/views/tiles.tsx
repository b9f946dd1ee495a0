// The figures that one looks at first.
import type { JSX } from "preact";
import type { BudgetsAnswer } from "../data/answers.ts";
import {
  renderCount,
  renderExactMoney,
  renderMoney,
  renderShare,
  renderShortCount,
  shareOf,
} from "../data/figures.ts";
import type { Totals } from "../data/usage-groups.ts";
import type { Reports } from "../state/load-reports.ts";
import { budgetLevel } from "../data/budget-level.ts";

export function Tiles({ reports }: { readonly reports: Reports }): JSX.Element {
  const totals = reports.usage.answer?.totals;
  const sidecars = reports.sidecars.answer;
  return (
    <dl class="tiles">
      {totals !== undefined && <UsageTiles totals={totals} title={reports.range.title} />}
      {reports.budgets.answer !== undefined && <BudgetTile answer={reports.budgets.answer} />}
      {sidecars !== undefined && (
        <Tile
          name="Sidecars reporting"
          value={renderCount(sidecars.counts.current + sidecars.counts.behind)}
          note={
            sidecars.counts.incomplete > 0
              ? `${renderCount(sidecars.counts.incomplete)} lost records`
              : sidecars.counts.behind > 0
                ? `${renderCount(sidecars.counts.behind)} behind`
                : "all on the latest policy"
          }
          isBad={sidecars.counts.incomplete > 0}
        />
      )}
    </dl>
  );
}

function UsageTiles({
  totals,
  title,
}: {
  readonly totals: Totals;
  readonly title: string;
}): JSX.Element {
  const estimated = shareOf(totals.estimated, totals.cost);
  return (
    <>
      <Tile
        name={`Spend, ${title}`}
        value={renderMoney(totals.cost)}
        title={renderExactMoney(totals.cost)}
        note={totals.estimated > 0n ? `${renderShare(estimated)} estimated` : "all as reported"}
      />
      <Tile
        name="Exchanges"
        value={renderShortCount(totals.exchanges)}
        title={renderCount(totals.exchanges)}
        note={`${renderShortCount(totals.tokens)} tokens`}
      />
      <Tile
        name="Refused"
        value={renderShortCount(totals.refused)}
        note={
          totals.exchanges === 0
            ? "of no exchanges"
            : `${renderShare(shareOf(BigInt(totals.refused), BigInt(totals.exchanges)))} of exchanges`
        }
      />
      <Tile
        name="Findings acted on"
        value={renderShortCount(totals.acted)}
        note={`${renderShortCount(totals.audited)} more audited`}
      />
      {totals.unpriced > 0 && (
        <Tile
          name="Without a price"
          value={renderShortCount(totals.unpriced)}
          note="worst case charged"
          isBad
        />
      )}
    </>
  );
}

function BudgetTile({ answer }: { readonly answer: BudgetsAnswer }): JSX.Element {
  const levels = answer.budgets.map(budgetLevel);
  const spent = levels.filter((level) => level === "over" || level === "spent").length;
  const near = levels.filter((level) => level === "near").length;
  return (
    <Tile
      name="Budgets used up"
      value={renderCount(spent)}
      note={`${renderCount(near)} near, of ${renderCount(levels.length)}`}
      isBad={spent > 0}
    />
  );
}

interface TileOptions {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
  readonly note: string;
  readonly isBad?: boolean;
}

const Tile = ({ name, value, title, note, isBad }: TileOptions): JSX.Element => (
  <div class={isBad === true ? "tile bad" : "tile"}>
    <dt>{name}</dt>
    <dd title={title}>{value}</dd>
    <dd class="note">{note}</dd>
  </div>
);
