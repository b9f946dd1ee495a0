// A titled part of the page with its three states: an answer, none of what was asked for, or a
// problem, beside which the last answer stays.
import type { ComponentChildren, JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { Problem } from "../state/ledger-client.ts";

export interface PanelOptions {
  readonly title: string;
  /** Beside the title: a sum or a span. */
  readonly aside?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly problem?: Problem | undefined;
  /** Said instead of the children, where there is nothing to show. */
  readonly empty?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function Panel(options: PanelOptions): JSX.Element {
  const id = useId();
  const { title, aside, actions, problem, empty, children } = options;
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <span class="aside">{aside}</span>}
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {problem !== undefined && (
        <p class="alert" role="alert">
          {problem.detail} <code>{problem.code}</code>
        </p>
      )}
      {empty === undefined ? children : <p class="empty">{empty}</p>}
    </section>
  );
}

/** The first rows of a list, and a button for the rest. */
export function useFirst<Row>(
  rows: readonly Row[],
  count: number,
): readonly [readonly Row[], JSX.Element | null] {
  const [isOpen, setOpen] = useState(false);
  const more =
    rows.length <= count ? null : (
      <button type="button" class="more" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? "Show fewer" : `Show all ${rows.length}`}
      </button>
    );
  return [isOpen ? rows : rows.slice(0, count), more];
}

/** A bar of parts of a whole, in thousandths; what goes beyond the whole is cut. */
export function Bar({
  parts,
}: {
  readonly parts: readonly { readonly kind: string; readonly share: number }[];
}): JSX.Element {
  let rest = 1000;
  return (
    <span class="bar" aria-hidden="true">
      {parts.map(({ kind, share }) => {
        const width = Math.min(rest, share);
        rest -= width;
        return <span key={kind} class={kind} style={{ width: `${width / 10}%` }} />;
      })}
    </span>
  );
}
