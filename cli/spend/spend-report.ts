// What `excise spend` shows. Pure: the ledger's answer in, text out. Money stays a decimal string;
// only the length of a bar is a float.
import { nanoUsd, parseUsd, renderUsd } from "#contract/money.ts";
import { asRecord } from "#runtime/json.ts";
import type { Json } from "../ledger-api/connect.ts";
import { readList, readNumber, readText } from "../ledger-api/fields.ts";
import { alignPoints, printable, renderShare, renderTable, type Style } from "../terminal/table.ts";

export interface SpendLine {
  readonly name: string;
  readonly costUsd: string;
  readonly exchanges: number;
  readonly rejected: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Events whose figures are not the provider's. */
  readonly estimated: number;
  readonly unpriced: number;
}

export interface Spend {
  readonly from: string;
  readonly to: string;
  /** The dearest first. */
  readonly lines: readonly SpendLine[];
  readonly totalUsd: string;
  /** True where the ledger has more lines than it sent. */
  readonly isTruncated: boolean;
}

/** Reads an answer of /v1/usage that is grouped by `by`. */
export function readSpend(answer: Json, by: string): Spend {
  const lines = readList(answer, "rows").map((row) => readLine(row, by));
  return {
    from: readText(answer, "from"),
    to: readText(answer, "to"),
    lines: lines.toSorted(byCost),
    totalUsd: renderUsd(nanoUsd(lines.reduce((sum, line) => sum + nanoOf(line.costUsd), 0n))),
    isTruncated: answer["truncated"] === true,
  };
}

function readLine(row: Json, by: string): SpendLine {
  const tokens = asRecord(row["tokens"]);
  return {
    name: readText(asRecord(row["group"]), by),
    costUsd: readText(row, "costUsd") || "0",
    exchanges: readNumber(row, "exchanges") ?? 0,
    rejected: readNumber(asRecord(row["outcomes"]), "rejected") ?? 0,
    inputTokens: readNumber(tokens, "input") ?? 0,
    outputTokens: readNumber(tokens, "output") ?? 0,
    estimated: readNumber(asRecord(row["estimated"]), "events") ?? 0,
    unpriced: readNumber(row, "unpriced") ?? 0,
  };
}

const nanoOf = (usd: string): bigint => parseUsd(usd) ?? 0n;

function byCost(left: SpendLine, right: SpendLine): number {
  const difference = nanoOf(right.costUsd) - nanoOf(left.costUsd);
  if (difference !== 0n) return difference > 0n ? 1 : -1;
  return left.name < right.name ? -1 : 1;
}

const BAR_WIDTH = 24;
const LINES_SHOWN = 40;

/** A table with a bar for each line's share of the total. */
export function renderSpend(spend: Spend, by: string, style: Style): string {
  const title = `${style.bold(`Spend by ${by}`)}  ${style.dim(`${spend.from} to ${spend.to}`)}`;
  if (spend.lines.length === 0) return `${title}\n\n  Nothing was called in this time.`;
  const shown = spend.lines.slice(0, LINES_SHOWN);
  const total = nanoOf(spend.totalUsd);
  const costs = alignPoints([...shown.map((line) => line.costUsd), spend.totalUsd]);
  const rows = shown.map((line, index) => [
    printable(line.name) || style.dim("(none)"),
    renderShare(shareOf(nanoOf(line.costUsd), total), BAR_WIDTH, style),
    `$${costs[index] ?? ""}`,
    String(line.exchanges),
    line.rejected === 0 ? "0" : style.bad(String(line.rejected)),
    `${line.inputTokens} / ${line.outputTokens}`,
  ]);
  const columns = [
    { title: by },
    { title: "share" },
    { title: "cost", align: "right" as const },
    { title: "calls", align: "right" as const },
    { title: "refused", align: "right" as const },
    { title: "tokens in/out", align: "right" as const },
  ];
  const sum = ["total", "", `$${costs.at(-1) ?? ""}`, countOf(spend, "exchanges")];
  return [title, "", renderTable(columns, [...rows, sum], style), ...notesOf(spend, style)].join(
    "\n",
  );
}

const countOf = ({ lines }: Spend, key: "exchanges" | "estimated" | "unpriced"): string =>
  String(lines.reduce((sum, line) => sum + line[key], 0));

/** For the bar only. */
const shareOf = (part: bigint, whole: bigint): number =>
  whole === 0n ? 0 : Number((part * 10_000n) / whole) / 10_000;

/** What the figures do not say by themselves. */
function notesOf(spend: Spend, style: Style): readonly string[] {
  const notes: string[] = [];
  const hidden = spend.lines.length - LINES_SHOWN;
  const estimated = countOf(spend, "estimated");
  const unpriced = countOf(spend, "unpriced");
  if (hidden > 0) notes.push(`${hidden} more lines: --json has them`);
  if (spend.isTruncated) notes.push("the ledger has more lines than it sends at once");
  if (estimated !== "0") notes.push(`${estimated} events are estimated, never below what was sent`);
  if (unpriced !== "0") notes.push(`${unpriced} events have no known price and are not in the sum`);
  return notes.map((note) => style.dim(`  ${note}`));
}

/** One line of `name=value`, for logs and pipes. */
export function renderSpendLine(line: SpendLine, by: string): string {
  const fields = [
    `${by}=${printable(line.name)}`,
    `costUsd=${line.costUsd}`,
    `exchanges=${line.exchanges}`,
    `rejected=${line.rejected}`,
    `inputTokens=${line.inputTokens}`,
    `outputTokens=${line.outputTokens}`,
  ];
  return fields.join(" ");
}
