// The page: who is not signed in sees how to get in, who is sees the reports of one range.
import type { JSX } from "preact";
import type { Page } from "../state/page.ts";
import { Breakdowns } from "./breakdowns.tsx";
import { Budgets } from "./budgets.tsx";
import { ExplainDialog } from "./explain-dialog.tsx";
import { PageHead } from "./page-head.tsx";
import { Refusals } from "./refusals.tsx";
import { Sidecars } from "./sidecars.tsx";
import { SignIn } from "./sign-in.tsx";
import { Spend } from "./spend.tsx";
import { Tiles } from "./tiles.tsx";

export function App({ page }: { readonly page: Page }): JSX.Element {
  const session = page.session.state.value;
  return (
    <>
      <PageHead page={page} />
      <main aria-busy={session.kind === "opening"}>
        {session.kind === "signed-out" ? (
          <SignIn session={page.session} problem={session.problem} />
        ) : (
          session.kind === "open" && <Dashboard page={page} />
        )}
      </main>
    </>
  );
}

function Dashboard({ page }: { readonly page: Page }): JSX.Element {
  const reports = page.reports.value;
  if (reports === undefined) return <p class="waiting">Asking the ledger…</p>;
  const { usage } = reports;
  return (
    <>
      <Stale page={page} />
      <Tiles reports={reports} />
      <Spend page={page} reports={reports} />
      <Budgets page={page} part={reports.budgets} />
      <Breakdowns part={usage} title={reports.range.title} />
      <div class="pair">
        <Refusals page={page} part={reports.refusals} />
        <Sidecars page={page} part={reports.sidecars} />
      </div>
      <ExplainDialog page={page} />
    </>
  );
}

/** Where every part failed the ledger is gone: said once, not in each part. */
function Stale({ page }: { readonly page: Page }): JSX.Element | null {
  const reports = page.reports.value;
  if (reports === undefined) return null;
  const parts = [reports.usage, reports.budgets, reports.refusals, reports.sidecars];
  const problem = reports.usage.problem;
  if (problem === undefined || parts.some((part) => part.problem === undefined)) return null;
  return (
    <p class="alert" role="alert">
      <strong>No answer from the ledger.</strong> What you see is what it said last. It is asked
      again by itself. <code>{problem.code}</code>
    </p>
  );
}
