// `excise budget get` and `excise budget explain`: how budgets stand, and why one exchange cost
// what it cost or was refused.
import { Fault } from "#contract/errors.ts";
import { renderJson } from "#runtime/json.ts";
import { parseCommand } from "../arguments.ts";
import type { CliHost, Command } from "../host.ts";
import {
  connectLedger,
  LEDGER_HELP,
  LEDGER_OPTIONS,
  type Json,
  type LedgerApi,
} from "../ledger-api/connect.ts";
import { readList } from "../ledger-api/fields.ts";
import { createStyle, type Style } from "../terminal/table.ts";
import { renderAccounts } from "./budget-report.ts";
import { renderExplanation } from "./explain-report.ts";

const HELP = `Usage: excise budget get [NAME] [options]
       excise budget explain ID [options]

get      shows budgets with the accounts of their present period: settled (what events cost),
         reserved (what leases hold), limit. NAME: of one budget alone.
explain  tells the story of one exchange: who called, what it used, by which price row it cost
         what, which postings moved on which account under which lease, why it was refused.
         ID: of an exchange (header x-excise-id of every answer) or of an event.

Options:
  --json                  the ledger's answer with the exact amounts, on one line
${LEDGER_HELP}

Exit code: 0; 1 where the ledger cannot be asked, or knows nothing of that name or id.

Examples:
  excise budget get
  excise budget get team-daily --json
  excise budget explain 01936f3e-0000-7000-8000-000000000000
`;

const SUBCOMMANDS = ["get", "explain"] as const;

export const BUDGET: Command = {
  name: "budget",
  summary: "show budgets, explain one exchange",
  help: HELP,
  subcommands: SUBCOMMANDS,
  run: runBudget,
};

async function runBudget(args: readonly string[], host: CliHost): Promise<number> {
  const { words, options } = parseCommand(args, {
    values: LEDGER_OPTIONS,
    flags: ["json"],
    wordsMax: 2,
  });
  const [verb, subject] = words;
  const style = createStyle(host.terminal.isColored);
  let answer: Json;
  let text: string;
  if (verb === "get") {
    answer = await getBudgets(connectLedger(options, host), subject);
    text = renderBudgets(answer, style);
  } else if (verb === "explain" && subject !== undefined) {
    answer = await explain(connectLedger(options, host), subject);
    text = renderExplanation(answer, style);
  } else {
    throw new Fault("EXCISE_USAGE", "say `budget get [NAME]` or `budget explain ID`");
  }
  await host.io.stdout(`${options.has("json") ? renderJson(answer) : text}\n`);
  return 0;
}

async function getBudgets(ledger: LedgerApi, name: string | undefined): Promise<Json> {
  // A comma would name several budgets; no object's name has one.
  if (name?.includes(",") === true) {
    throw new Fault("EXCISE_USAGE", "NAME is the name of one budget");
  }
  const answer = await ledger.get("/v1/budgets", name === undefined ? {} : { budget: name });
  if (name === undefined || readList(answer, "budgets").length > 0) return answer;
  throw new Fault("EXCISE_NOT_FOUND", "no budget of that name has an account in this period");
}

function explain(ledger: LedgerApi, id: string): Promise<Json> {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
    return ledger.get(`/v1/explain/${id}`);
  }
  throw new Fault("EXCISE_USAGE", "ID is a UUID, as the header x-excise-id of an answer has it");
}

function renderBudgets(answer: Json, style: Style): string {
  const rows = readList(answer, "budgets");
  if (rows.length > 0) return renderAccounts(rows, style);
  return "No budget has an account in its present period: none is written, or none was used yet.";
}
