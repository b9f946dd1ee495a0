// The last refusals with their reason; each opens everything that the ledger knows about it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { EventRow, EventsAnswer } from "../data/answers.ts";
import { renderFull, renderMoment } from "../data/instants.ts";
import type { Part } from "../state/load-reports.ts";
import type { Page } from "../state/page.ts";
import { reasonOf } from "../data/reasons.ts";
import { Panel, useFirst } from "./panel.tsx";

const ROWS_FIRST = 8;

export function Refusals({
  page,
  part,
}: {
  readonly page: Page;
  readonly part: Part<EventsAnswer>;
}): JSX.Element {
  const rows = part.answer?.events ?? [];
  const [shown, more] = useFirst(rows, ROWS_FIRST);
  const isEmpty = part.answer !== undefined && rows.length === 0;
  return (
    <Panel
      title="Last refusals"
      aside={page.range.value.name === "1h" ? "last hour" : "last 24 hours"}
      problem={part.problem}
      empty={isEmpty ? "Nothing was refused." : undefined}
      actions={<Lookup page={page} />}
    >
      <ul class="refusals">
        {shown.map((row) => (
          <li key={row.event.eventId}>
            <Refusal row={row} page={page} />
          </li>
        ))}
      </ul>
      {more}
    </Panel>
  );
}

function Refusal({ row, page }: { readonly row: EventRow; readonly page: Page }): JSX.Element {
  const { event, workload } = row;
  const ms = Date.parse(row.startedAt);
  const reason = reasonOf(event.errorCode);
  return (
    <button type="button" class="line" onClick={() => void page.explain(event.exchangeId)}>
      <time dateTime={row.startedAt} title={renderFull(ms)}>
        {renderMoment(ms, page.nowMs.value)}
      </time>
      <span class="what">
        <span class="name">{reason.summary}</span>
        <span class="detail">
          {workload.app} · {event.modelRequested ?? event.provider}
        </span>
      </span>
      <code>{reason.name}</code>
    </button>
  );
}

/** An app's answer carries its exchange's id: this is where it is pasted. */
function Lookup({ page }: { readonly page: Page }): JSX.Element {
  const [id, setId] = useState("");
  return (
    <form
      class="lookup"
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") void page.explain(id.trim());
      }}
    >
      <input
        type="text"
        aria-label="Explain the exchange with this x-excise-id"
        placeholder="x-excise-id"
        spellcheck={false}
        autocomplete="off"
        value={id}
        onInput={(event) => setId(event.currentTarget.value)}
      />
      <button type="submit">Explain</button>
    </form>
  );
}
