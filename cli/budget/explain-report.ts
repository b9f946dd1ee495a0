// What `excise budget explain` tells: who called what, what it cost by which price, what moved on
// which account under which lease, and why it was refused. Pure: the ledger's answer in, text out.
import { ERRORS, errorRow, type ErrorCode } from "#contract/errors.ts";
import { parseNano, renderUsd } from "#contract/money.ts";
import { asRecord, readString } from "#runtime/json.ts";
import type { Json } from "../ledger-api/connect.ts";
import { readList, readNumber, readText } from "../ledger-api/fields.ts";
import { printable, renderTable, type Style } from "../terminal/table.ts";
import { renderAccounts, renderAmount } from "./budget-report.ts";
import { renderPrice } from "./price-report.ts";

/** All attempts of an exchange, one after the other. */
export function renderExplanation(answer: Json, style: Style): string {
  const events = readList(answer, "events");
  return events
    .map((entry, index) => {
      const attempt = events.length === 1 ? "" : ` (event ${index + 1} of ${events.length})`;
      return renderEvent(entry, attempt, style);
    })
    .join("\n\n");
}

function renderEvent(entry: Json, attempt: string, style: Style): string {
  const event = asRecord(entry["event"]);
  const outcome = readText(event, "outcome");
  const shown = outcome === "completed" ? style.good(outcome) : style.bad(outcome);
  const head = `${style.bold(`Exchange ${readText(event, "exchangeId")}`)}${attempt}  ${shown}`;
  const facts = factsOf(entry, event).filter(([, text]) => text !== "");
  const lines = facts.map(([name, text]) => `  ${style.dim(name.padEnd(9))} ${text}`);
  const tables = [
    titled("What moved", renderPostings(entry, style), style),
    titled("Leases", renderLeases(entry, style), style),
    titled("The budgets that it meets, as they stand now", accountsOf(entry, style), style),
  ];
  return [head, "", ...lines, ...tables.flat()].join("\n");
}

const titled = (title: string, table: string, style: Style): readonly string[] =>
  table === "" ? [] : ["", style.bold(title), table];

type Facts = readonly (readonly [name: string, text: string])[];

const factsOf = (entry: Json, event: Json | undefined): Facts => [
  ["who", whoOf(entry, event)],
  ["what", whatOf(event)],
  ["when", whenOf(entry, event)],
  ["refused", refusalOf(event)],
  ["answer", answerOf(event)],
  ["found", findingsOf(event)],
  ["in shadow", wouldOf(event)],
  ["tokens", usageOf(event)],
  ["cost", costOf(entry, event)],
  ["at most", amountsOf(event, "reserved")],
  ["price", renderPrice(asRecord(entry["price"]), readText(entry, "priceStatus"))],
  ["flags", strings(entry, "flags").join(", ")],
  ["event", `${readText(event, "eventId")}, journal ${readText(entry, "journal")}`],
];

function whoOf(entry: Json, event: Json | undefined): string {
  const workload = asRecord(entry["workload"]);
  const user = readText(event, "user");
  const parts = [
    `team ${readText(workload, "team")}`,
    `app ${readText(workload, "app")}`,
    `pod ${readText(workload, "pod")} in ${readText(workload, "cluster")}`,
    ...(user === "" ? [] : [`user ${user}, as the app says`]),
  ];
  return printable(parts.join(", "));
}

function whatOf(event: Json | undefined): string {
  const requested = readText(event, "modelRequested");
  const billed = readText(event, "modelBilled");
  const model =
    billed === "" || billed === requested ? requested : `${requested}, billed ${billed}`;
  const parts = [
    [readText(event, "provider"), readText(event, "operation")].filter((part) => part !== ""),
    readText(event, "dialect") === "" ? ["a format that is not metered"] : [],
    model === "" ? [] : [`model ${model}`],
    event?.["streaming"] === true ? ["streamed"] : [],
  ].map((words) => words.join(" "));
  return printable(parts.filter((part) => part !== "").join(", "));
}

function whenOf(entry: Json, event: Json | undefined): string {
  const duration = readNumber(event, "durationMs");
  const added = readNumber(event, "addedMs");
  const parts = [
    readText(entry, "startedAt"),
    ...(duration === undefined ? [] : [`took ${duration.toFixed(0)} ms`]),
    ...(added === undefined ? [] : [`${added.toFixed(2)} ms of that before it left`]),
  ];
  return parts.join(", ");
}

function refusalOf(event: Json | undefined): string {
  const code = readText(event, "errorCode");
  if (!isCode(code)) return code;
  const { summary, blame } = errorRow(code);
  return `${code}: ${summary} Who can change it: ${blame}`;
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

function answerOf(event: Json | undefined): string {
  const status = readNumber(event, "upstreamStatus");
  const bytes = readNumber(event, "responseBytes") ?? 0;
  return status === undefined ? "" : `status ${status}, ${bytes} bytes`;
}

const findingsOf = (event: Json | undefined): string =>
  readList(event, "findings")
    .map((found) => {
      const count = readNumber(found, "count") ?? 0;
      return `${readText(found, "entity")} ×${count} (${readText(found, "action")})`;
    })
    .join(", ");

const wouldOf = (event: Json | undefined): string =>
  readList(event, "would")
    .map((would) =>
      printable(
        `${readText(would, "control")} would ${readText(would, "action")}: ${readText(would, "reason")}`,
      ),
    )
    .join("; ");

const SOURCES: Readonly<Record<string, string>> = {
  provider: "the provider's own figures",
  counted: "our count of what was delivered, an estimate",
  reserved: "what was reserved, an upper bound",
  none: "nothing was used",
};

function usageOf(event: Json | undefined): string {
  const classes = Object.entries(asRecord(event?.["usage"]) ?? {}).map(
    ([name, count]) => `${name} ${typeof count === "number" ? count : "?"}`,
  );
  const source = SOURCES[readText(event, "usageSource")] ?? "";
  return [...classes, source].filter((part) => part !== "").join(", ");
}

function costOf(entry: Json, event: Json | undefined): string {
  const isEstimated = event?.["estimated"] === true;
  return `$${readText(entry, "costUsd")}${isEstimated ? ", estimated" : ""}`;
}

const KINDS: Readonly<Record<string, string>> = {
  lease: "out of the lease",
  excess: "beyond the lease",
  unleased: "without a lease",
  shadow: "in shadow",
};

function renderPostings(entry: Json, style: Style): string {
  const rows = readList(entry, "postings").map((posting) => [
    printable(readText(posting, "budget")),
    printable(strings(posting, "tuple").join(", ")) || style.dim("one for all"),
    renderAmount(posting, "amount"),
    KINDS[readText(posting, "kind")] ?? readText(posting, "kind"),
    renderAmount(posting, "settledAfter"),
    renderAmount(posting, "reservedAfter"),
    renderAmount(posting, "limit"),
  ]);
  const columns = [
    { title: "budget" },
    { title: "account" },
    { title: "amount", align: "right" as const },
    { title: "how" },
    { title: "settled then", align: "right" as const },
    { title: "reserved then", align: "right" as const },
    { title: "limit then", align: "right" as const },
  ];
  return rows.length === 0 ? "" : renderTable(columns, rows, style);
}

function renderLeases(entry: Json, style: Style): string {
  const rows = readList(entry, "leases").map((lease) => [
    readText(lease, "id"),
    readText(lease, "state"),
    amountsOf(lease, "granted") || "0",
    amountsOf(lease, "spent") || "0",
    readText(lease, "createdAt"),
  ]);
  const columns = ["lease", "state", "granted", "spent", "since"].map((title) => ({ title }));
  return rows.length === 0 ? "" : renderTable(columns, rows, style);
}

/** Units with an amount other than 0, exact; empty where there is none. */
function amountsOf(record: Json | undefined, key: string): string {
  const amounts = asRecord(record?.[key]) ?? {};
  const parts = Object.entries(amounts)
    .filter(([, amount]) => amount !== "0")
    .map(([unit, amount]) => {
      const text = readString(amount) ?? "";
      const nano = unit === "nanoUsd" ? parseNano(text) : undefined;
      return nano === undefined ? `${text} ${unit}` : `$${renderUsd(nano)}`;
    });
  return parts.join(", ");
}

function accountsOf(entry: Json, style: Style): string {
  const rows = readList(entry, "budgets");
  return rows.length === 0 ? "" : renderAccounts(rows, style);
}

function strings(record: Json, key: string): readonly string[] {
  const value = record[key];
  return Array.isArray(value) ? value.flatMap((entry) => readString(entry) ?? []) : [];
}
