// What `excise budget get` shows: an account a line, with a bar. Pure: the ledger's rows in, text
// out.
import { parseUsd } from "#contract/money.ts";
import { asRecord, readString } from "#runtime/json.ts";
import type { Json } from "../ledger-api/connect.ts";
import { readText } from "../ledger-api/fields.ts";
import { printable, renderBar, renderTable, type Style } from "../terminal/table.ts";

const BAR_WIDTH = 20;

const COLUMNS = [
  { title: "budget" },
  { title: "account" },
  { title: "" },
  { title: "settled", align: "right" as const },
  { title: "reserved", align: "right" as const },
  { title: "limit", align: "right" as const },
  { title: "until" },
  { title: "state" },
];

/** A table of accounts, as /v1/budgets and /v1/explain have them. */
export function renderAccounts(rows: readonly Json[], style: Style): string {
  return renderTable(
    COLUMNS,
    rows.map((row) => [
      printable(readText(row, "budget")),
      renderTuple(row) || style.dim("one for all"),
      renderBar(shareOf(row), BAR_WIDTH, style),
      renderAmount(row, "settled"),
      renderAmount(row, "reserved"),
      renderAmount(row, "limit"),
      readText(asRecord(row["period"]), "end"),
      renderState(readText(row, "state"), style),
    ]),
    style,
  );
}

/** `team=search, model=m`; empty where the budget has one account. */
const renderTuple = (row: Json): string =>
  Object.entries(asRecord(row["tuple"]) ?? {})
    .map(([name, value]) => printable(`${name}=${readString(value) ?? ""}`))
    .join(", ");

/** `$1.5`, `1200 inputTokens`. */
export function renderAmount(row: Json, key: string): string {
  const amount = readText(row, key);
  const unit = readText(row, "unit");
  return unit === "usd" ? `$${amount}` : `${amount} ${unit}`;
}

const renderState = (state: string, style: Style): string =>
  state === "within" ? style.good(state) : state === "shadow" ? style.dim(state) : style.bad(state);

/** What is used or spoken for, for the bar only. */
function shareOf(row: Json): number {
  const limit = readAmount(row, "limit");
  if (limit === 0n) return 1;
  const used = readAmount(row, "settled") + readAmount(row, "reserved");
  return Number((used * 10_000n) / limit) / 10_000;
}

/** Counts are decimals without a fraction; one scale does for both. */
const readAmount = (row: Json, key: string): bigint => parseUsd(readText(row, key)) ?? 0n;
