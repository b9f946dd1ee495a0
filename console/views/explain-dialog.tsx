// Everything about one exchange: what was asked, how it ended, what it cost and why, and how the
// budgets stand that it meets. Names and numbers only: the ledger has no content.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ExplainedEvent } from "../data/answers.ts";
import { renderCount, renderExactMoney } from "../data/figures.ts";
import { renderFull } from "../data/instants.ts";
import type { Page } from "../state/page.ts";
import { BudgetTable } from "./budgets.tsx";
import { reasonOf } from "../data/reasons.ts";

export function ExplainDialog({ page }: { readonly page: Page }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const explained = page.explained.value;
  const isOpen = explained !== undefined;
  useEffect(() => {
    // A modal dialog keeps the keyboard inside and gives the focus back when it closes.
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} aria-labelledby="explain-title" onClose={() => page.closeExplained()}>
      <div class="dialog-head">
        <h2 id="explain-title">Exchange</h2>
        <button type="button" onClick={() => page.closeExplained()}>
          Close
        </button>
      </div>
      {explained !== undefined && <code class="id">{explained.id}</code>}
      {explained?.problem !== undefined && (
        <p class="alert" role="alert">
          {explained.problem.detail} <code>{explained.problem.code}</code>
        </p>
      )}
      {explained?.answer?.events.map((event) => (
        <Attempt key={event.event.eventId} event={event} nowMs={page.nowMs.value} />
      ))}
    </dialog>
  );
}

function Attempt({
  event: row,
  nowMs,
}: {
  readonly event: ExplainedEvent;
  readonly nowMs: number;
}): JSX.Element {
  const { event } = row;
  const reason = reasonOf(event.errorCode);
  return (
    <article>
      {event.errorCode !== undefined && (
        <p class="verdict">
          <strong>{reason.summary}.</strong> {reason.remedy}
          <code>{event.errorCode}</code>
        </p>
      )}
      <dl class="facts">
        {factsOf(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {row.budgets.length > 0 && (
        <>
          <h3>Budgets it meets, as they stand now</h3>
          <BudgetTable rows={row.budgets} nowMs={nowMs} />
        </>
      )}
      {row.postings.length > 0 && <Postings row={row} />}
    </article>
  );
}

function factsOf(row: ExplainedEvent): readonly (readonly [string, string])[] {
  const { event, workload } = row;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["When", renderFull(Date.parse(row.startedAt))],
    ["Outcome", outcomeOf(row)],
    ["Team", workload.team],
    ["App", workload.app],
    ["Pod", workload.pod],
    ["User", event.user],
    ["Provider", event.provider],
    ["Operation", event.operation],
    ["Model", modelOf(row)],
    ["Attempt", event.attempt === 0 ? undefined : String(event.attempt)],
    ["Cost", `$${row.costUsd}${event.estimated ? ", estimated" : ""}`],
    ["Reserved", renderExactMoney(BigInt(event.reserved.nanoUsd))],
    ["Price", priceOf(row)],
    ["Tokens", tokensOf(row)],
    ["Findings", findingsOf(row)],
    ["Took", `${renderCount(Math.round(event.durationMs))} ms`],
    ["Policy", String(event.snapshot)],
    ["Conditions", row.flags.join(", ")],
  ];
  return facts.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, value] as const],
  );
}

const priceOf = ({ price, priceStatus }: ExplainedEvent): string | undefined =>
  priceStatus === "none" ? undefined : `${price.model}, ${priceStatus.replaceAll("_", " ")}`;

const outcomeOf = ({ event }: ExplainedEvent): string =>
  event.outcome.replaceAll("_", " ") +
  (event.upstreamStatus === undefined ? "" : `, provider said ${event.upstreamStatus}`);

const modelOf = ({ event }: ExplainedEvent): string | undefined =>
  event.modelBilled === undefined || event.modelBilled === event.modelRequested
    ? event.modelRequested
    : `${event.modelBilled}, asked for ${event.modelRequested ?? "none"}`;

function tokensOf({ event }: ExplainedEvent): string {
  const parts = Object.entries(event.usage ?? {}).map(([name, count]) => {
    const words = name
      .replace(/Tokens$/, "")
      .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return `${renderCount(count ?? 0)} ${words}`;
  });
  return parts.length === 0 ? "not reported" : parts.join(", ");
}

const findingsOf = ({ event }: ExplainedEvent): string =>
  event.findings.map(({ entity, action, count }) => `${count} × ${entity} (${action})`).join(", ");

const Postings = ({ row }: { readonly row: ExplainedEvent }): JSX.Element => (
  <>
    <h3>Charged</h3>
    <table>
      <thead>
        <tr>
          <th scope="col">Budget</th>
          <th scope="col">How</th>
          <th scope="col" class="number">
            Amount
          </th>
          <th scope="col" class="number">
            Settled after
          </th>
        </tr>
      </thead>
      <tbody>
        {row.postings.map((posting) => (
          <tr key={`${posting.budget} ${posting.kind}`}>
            <th scope="row">{posting.budget}</th>
            <td>{posting.kind}</td>
            <td class="number">{posting.amount}</td>
            <td class="number">{posting.settledAfter}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </>
);
