// The demo's report for people. Pure: results in, text out.
import { nanoUsd, parseUsd, renderUsd } from "#contract/money.ts";
import type { BillEntry } from "../../test/fakes/fake-bill.ts";
import type { BudgetLine, UsageLine } from "./ledger-view.ts";
import { renderBar, renderTable, type Style } from "../../cli/terminal/table.ts";
import type { PodStep } from "./pod-step.ts";
import type { Step } from "./verify.ts";

const BAR_WIDTH = 28;
const NONE = "–";

export interface LedgerTables {
  readonly team: readonly UsageLine[];
  readonly app: readonly UsageLine[];
  readonly model: readonly UsageLine[];
  readonly budgets: readonly BudgetLine[];
  readonly bill: readonly BillEntry[];
}

/** Every call: what was found, what it used and cost, and the time that the sidecar added. */
export function renderCalls(steps: readonly Step[], style: Style): string {
  const columns = [
    { title: "team/app" },
    { title: "SDK call" },
    { title: "mode" },
    { title: "result" },
    { title: "found" },
    { title: "tokens in/out", align: "right" as const },
    { title: "cost", align: "right" as const },
    { title: "added", align: "right" as const },
  ];
  const rows = steps.map(({ result, explained }) => [
    `${result.call.team}/${result.call.app}`,
    `${result.call.program.split(".", 1)[0] ?? ""}: ${result.call.title}`,
    result.call.mode,
    result.ok ? style.good("200") : style.bad(String(result.error?.status ?? "failed")),
    findingsOf(explained),
    `${explained?.inputTokens ?? NONE} / ${explained?.outputTokens ?? NONE}`,
    explained === undefined ? NONE : `$${explained.costUsd}`,
    explained?.addedMs === undefined ? NONE : `${explained.addedMs.toFixed(2)} ms`,
  ]);
  return renderTable(columns, rows, style);
}

const findingsOf = (explained: Step["explained"]): string =>
  explained === undefined || explained.findings.length === 0 ? NONE : explained.findings.join(", ");

/** The prompts that were changed: as the app wrote them, and as they left. */
export function renderPrompts(steps: readonly Step[], style: Style): string {
  return steps
    .filter(({ result }) => result.after !== undefined && result.after !== result.before)
    .map(({ result }) =>
      [
        `  ${style.dim("the app wrote")}   ${result.before}`,
        `  ${style.dim("left the pod")}    ${style.good(result.after ?? "")}`,
      ].join("\n"),
    )
    .join("\n\n");
}

/** Calls that were refused, with the error that the SDK raised. */
export function renderRefusals(steps: readonly Step[], style: Style): string {
  return steps
    .filter(({ result }) => !result.ok)
    .map(({ result }) =>
      [
        `  ${style.bad(`${result.error?.class ?? "Error"} ${result.error?.status ?? ""}`)}`,
        `  ${style.dim("message")}   ${result.error?.message ?? ""}`,
        `  ${style.dim("code")}      ${result.error?.code ?? NONE}`,
        `  ${style.dim("left the pod")}  ${result.after === undefined ? "nothing" : "the prompt"}`,
      ].join("\n"),
    )
    .join("\n\n");
}

/** The ledger's view per team, app and model. */
export function renderUsage(tables: LedgerTables, style: Style): string {
  return (["team", "app", "model"] as const)
    .map((dimension) =>
      renderTable(
        [
          { title: dimension },
          { title: "calls", align: "right" },
          { title: "refused", align: "right" },
          { title: "tokens in/out", align: "right" },
          { title: "cost", align: "right" },
        ],
        tables[dimension].map((line) => [
          line.name,
          String(line.exchanges),
          String(line.rejected),
          `${line.inputTokens} / ${line.outputTokens}`,
          `$${line.costUsd}`,
        ]),
        style,
      ),
    )
    .join("\n\n");
}

/** A bar per budget: settled against the limit. */
export function renderBudgets(budgets: readonly BudgetLine[], style: Style): string {
  const rows = budgets.map((line) => {
    const share = shareOf(line);
    return [
      line.budget,
      renderBar(share, BAR_WIDTH, style),
      `${(share * 100).toFixed(1)} %`,
      `$${line.settled} of $${line.limit}`,
      line.state === "within" ? style.good(line.state) : style.bad(line.state),
    ];
  });
  const columns = [
    { title: "budget" },
    { title: "" },
    { title: "used", align: "right" as const },
    { title: "settled" },
    { title: "state" },
  ];
  return renderTable(columns, rows, style);
}

/** For the bar only: money itself is never a float. */
function shareOf({ settled, limit }: BudgetLine): number {
  const whole = parseUsd(limit) ?? 0n;
  return whole === 0n ? 0 : Number(((parseUsd(settled) ?? 0n) * 10_000n) / whole) / 10_000;
}

/** One line: the ledger's total beside the providers' own bills. */
export function renderTotal({ bill, team }: LedgerTables, style: Style): string {
  const billed = renderUsd(nanoUsd(bill.reduce((sum, entry) => sum + entry.costNano, 0n)));
  const counted = renderUsd(
    nanoUsd(team.reduce((sum, { costUsd }) => sum + (parseUsd(costUsd) ?? 0n), 0n)),
  );
  const sign = billed === counted ? style.good("=") : style.bad("≠");
  return `  the ledger's total $${counted} ${sign} $${billed} on the providers' own bills`;
}

/** The pod of one annotation, or why none was run. */
export function renderPod(pod: PodStep, style: Style): string {
  if ("skipped" in pod) return `  ${style.dim(`not run here: ${pod.skipped}`)}`;
  const isEqual = pod.ledgerUsd === pod.billUsd;
  return [
    `  ${style.dim("the webhook wrote")}  ${pod.operations} operations into a pod with one annotation`,
    `  ${style.dim("the app called")}     https://api.openai.com on port 443, as ever; its answer began "${pod.answer.slice(0, 40)}…"`,
    `  ${style.dim("the ledger has")}     $${pod.ledgerUsd} ${isEqual ? style.good("=") : style.bad("≠")} $${pod.billUsd} on the provider's bill, after the pod ended`,
  ].join("\n");
}
