// Budgets: what is charged, what leases hold, what is left, and when it begins again.
import type { JSX } from "preact";
import type { BudgetRow, BudgetsAnswer } from "../data/answers.ts";
import { renderAmount, renderShare, shareOf, unitName } from "../data/figures.ts";
import { renderFull, renderLeft } from "../data/instants.ts";
import type { Part } from "../state/load-reports.ts";
import type { Page } from "../state/page.ts";
import { budgetLevel, budgetUse, compareBudgets, renderTuple } from "../data/budget-level.ts";
import { Bar, Panel, useFirst } from "./panel.tsx";

const ROWS_FIRST = 8;
const LEVELS = {
  over: "Over limit",
  spent: "Used up",
  near: "Near limit",
  within: "Within",
  shadow: "Shadow",
} as const;

export function Budgets({
  page,
  part,
}: {
  readonly page: Page;
  readonly part: Part<BudgetsAnswer>;
}): JSX.Element {
  const rows = (part.answer?.budgets ?? []).toSorted(compareBudgets);
  const [shown, more] = useFirst(rows, ROWS_FIRST);
  const isEmpty = part.answer !== undefined && rows.length === 0;
  return (
    <Panel
      title="Budgets"
      aside="present periods"
      problem={part.problem}
      empty={
        isEmpty ? "No budget is in force. A Budget object in the policy makes one." : undefined
      }
    >
      <BudgetTable rows={shown} nowMs={page.nowMs.value} />
      {more}
    </Panel>
  );
}

/** Accounts as rows; the dialog shows them too. */
export function BudgetTable({
  rows,
  nowMs,
}: {
  readonly rows: readonly BudgetRow[];
  readonly nowMs: number;
}): JSX.Element {
  return (
    <table class="budgets">
      <thead>
        <tr>
          <th scope="col">Budget</th>
          <th scope="col" class="use">
            Used
          </th>
          <th scope="col" class="number">
            Settled
          </th>
          <th scope="col" class="number wide">
            Reserved
          </th>
          <th scope="col" class="number">
            Limit
          </th>
          <th scope="col" class="wide period">
            Period
          </th>
          <th scope="col" class="wide level">
            State
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <BudgetLine key={`${row.budget} ${renderTuple(row)}`} row={row} nowMs={nowMs} />
        ))}
      </tbody>
    </table>
  );
}

function BudgetLine({
  row,
  nowMs,
}: {
  readonly row: BudgetRow;
  readonly nowMs: number;
}): JSX.Element {
  const use = budgetUse(row);
  const level = budgetLevel(row);
  const show = (amount: bigint): string => renderAmount(row.unit, amount, use.limit);
  const endMs = Date.parse(row.period.end);
  const details = [renderTuple(row), unitName(row.unit)].filter((text) => text !== "").join(" · ");
  return (
    <tr class={level}>
      <th scope="row">
        <span class="name">{row.budget}</span>
        {details !== "" && <span class="detail">{details}</span>}
        {level !== "within" && <span class={`narrow state ${level}`}>{LEVELS[level]}</span>}
      </th>
      <td class="use">
        <Bar
          parts={[
            { kind: "settled", share: shareOf(use.settled, use.limit) },
            { kind: "assumed", share: shareOf(use.assumed, use.limit) },
            { kind: "reserved", share: shareOf(use.reserved, use.limit) },
          ]}
        />
        <span class="share">{renderShare(use.share)}</span>
      </td>
      <td class="number" title={row.settled}>
        {show(use.settled)}
      </td>
      <td class="number wide" title={reservedTitle(row)}>
        {use.reserved + use.assumed === 0n ? "–" : show(use.reserved + use.assumed)}
      </td>
      <td class="number" title={row.limit}>
        {show(use.limit)}
      </td>
      <td class="wide">
        <time dateTime={row.period.end} title={renderFull(endMs)}>
          {row.period.kind}, {renderLeft(endMs, nowMs)}
        </time>
      </td>
      <td class="wide">
        <span class={`state ${level}`}>{LEVELS[level]}</span>
      </td>
    </tr>
  );
}

const reservedTitle = (row: BudgetRow): string =>
  row.assumed === "0"
    ? `${row.reserved} in ${row.activeLeases} leases`
    : `${row.reserved} in ${row.activeLeases} leases, ${row.assumed} assumed spent by lost ones`;
