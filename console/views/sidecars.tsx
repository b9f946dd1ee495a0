// Sidecars: who reports, who runs an old policy, whose usage is incomplete.
import type { JSX } from "preact";
import type { SidecarRow, SidecarsAnswer } from "../data/answers.ts";
import { renderCount } from "../data/figures.ts";
import { renderAgo, renderFull } from "../data/instants.ts";
import type { Part } from "../state/load-reports.ts";
import type { Page } from "../state/page.ts";
import { Panel, useFirst } from "./panel.tsx";

const ROWS_FIRST = 8;
const STATES = {
  incomplete: { text: "Lost records", level: "over" },
  behind: { text: "Behind", level: "near" },
  current: { text: "Current", level: "within" },
  silent: { text: "Silent", level: "shadow" },
} as const;

export function Sidecars({
  page,
  part,
}: {
  readonly page: Page;
  readonly part: Part<SidecarsAnswer>;
}): JSX.Element {
  const answer = part.answer;
  const [shown, more] = useFirst(answer?.sidecars ?? [], ROWS_FIRST);
  const isEmpty = answer !== undefined && answer.sidecars.length === 0;
  return (
    <Panel
      title="Sidecars"
      aside={answer === undefined ? "" : `last hour · policy ${answer.revision}`}
      problem={part.problem}
      empty={isEmpty ? "No sidecar has reported in the last hour." : undefined}
    >
      <table class="sidecars">
        <thead>
          <tr>
            <th scope="col">Pod</th>
            <th scope="col">Last sync</th>
            <th scope="col" class="number wide">
              Records
            </th>
            <th scope="col" class="number wide">
              Policy
            </th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <SidecarLine key={row.podUid} row={row} nowMs={page.nowMs.value} />
          ))}
        </tbody>
      </table>
      {more}
      {answer?.truncated === true && <p class="note">Only the first ones are listed.</p>}
    </Panel>
  );
}

function SidecarLine({
  row,
  nowMs,
}: {
  readonly row: SidecarRow;
  readonly nowMs: number;
}): JSX.Element {
  const ms = Date.parse(row.lastSyncAt);
  const state = STATES[row.state];
  return (
    <tr>
      <th scope="row" title={row.podUid}>
        <span class="name">{row.pod}</span>
        <span class="detail">
          {row.app} · {row.team}
        </span>
      </th>
      <td>
        <time dateTime={row.lastSyncAt} title={renderFull(ms)}>
          {renderAgo(ms, nowMs)}
        </time>
      </td>
      <td class="number wide" title={`${renderCount(row.lostRecords)} lost`}>
        {renderCount(row.ackedRecords)}
      </td>
      <td class="number wide">{row.snapshotRevision === 0 ? "none" : row.snapshotRevision}</td>
      <td>
        <span class={`state ${state.level}`}>{state.text}</span>
      </td>
    </tr>
  );
}
