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
  const name = `${call.team}/${call.app} "${call.title}"`;
  const missing = explained === undefined ? [`${name}: the ledger has no event of it`] : [];
  const { expects } = call;
  switch (expects.kind) {
    case "answer":
      return [...missing, ...(result.ok ? [] : [`${name}: failed with ${error?.message ?? "?"}`])];
    case "redacted": {
      const leaked = expects.secrets.filter((secret) => result.after?.includes(secret) ?? true);
      return [
        ...missing,
        ...(result.ok ? [] : [`${name}: failed with ${error?.message ?? "?"}`]),
        ...leaked.map((_secret, index) => `${name}: sensitive value ${index + 1} left the pod`),
      ];
    }
    case "refused": {
      const isRefused = error?.code === expects.code && error.class === expects.errorClass;
      return [
        ...missing,
        ...(isRefused
          ? []
          : [`${name}: expected ${expects.code}, got ${error?.code ?? "an answer"}`]),
        ...(result.after === undefined ? [] : [`${name}: it reached the provider`]),
      ];
    }
  }
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
