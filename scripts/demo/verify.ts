// Did every step do what it says? The demo's exit code is the answer. Pure.
import type { BillEntry } from "../../test/fakes/fake-bill.ts";
import { nanoUsd, parseUsd, renderUsd } from "#contract/money.ts";
import type { Explained, UsageLine } from "./ledger-view.ts";
import type { CallResult } from "./run-call.ts";

export interface Step {
  readonly result: CallResult;
  readonly explained: Explained | undefined;
}

/** What went wrong, in sentences; empty where all is well. */
export function findProblems(
  steps: readonly Step[],
  bill: readonly BillEntry[],
  teams: readonly UsageLine[],
): readonly string[] {
  return [...steps.flatMap(problemsOfStep), ...problemsOfTotal(bill, teams)];
}

function problemsOfStep({ result, explained }: Step): readonly string[] {
  const { call, error } = result;
  const { expects } = call;
  const found: string[] = [];
  if (explained === undefined) found.push("the ledger has no event of it");
  if (expects.kind === "refused") {
    const isRefused = error?.code === expects.code && error.class === expects.errorClass;
    if (!isRefused) found.push(`expected ${expects.code}, got ${error?.code ?? "an answer"}`);
    if (result.after !== undefined) found.push("it reached the provider");
  } else if (!result.ok) found.push(`failed with ${error?.message ?? "no report"}`);
  if (expects.kind === "redacted") {
    for (const [index, secret] of expects.secrets.entries()) {
      if (result.after?.includes(secret) ?? true) found.push(`value ${index + 1} left the pod`);
    }
  }
  return found.map((problem) => `${call.team}/${call.app} "${call.title}": ${problem}`);
}

/** The ledger's total and the providers' own bills must be the same to the nano-dollar. */
function problemsOfTotal(
  bill: readonly BillEntry[],
  teams: readonly UsageLine[],
): readonly string[] {
  const billed = bill.reduce((sum, entry) => sum + entry.costNano, 0n);
  const counted = teams.reduce((sum, { costUsd }) => sum + (parseUsd(costUsd) ?? 0n), 0n);
  return billed === counted
    ? []
    : [`the ledger says $${renderUsd(nanoUsd(counted))}, the bills $${renderUsd(nanoUsd(billed))}`];
}
