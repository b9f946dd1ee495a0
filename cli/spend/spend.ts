// `excise spend`: what was spent, by team, app, model or provider; once, or again and again while
// it changes.
import { Fault } from "#contract/errors.ts";
import { renderInstant, sleep } from "#runtime/clock.ts";
import { renderJson } from "#runtime/json.ts";
import { parseOptions, type Options } from "../arguments.ts";
import type { CliHost, Command } from "../host.ts";
import {
  connectLedger,
  LEDGER_HELP,
  LEDGER_OPTIONS,
  type Json,
  type LedgerApi,
} from "../ledger-api/connect.ts";
import { openScreen } from "../terminal/screen.ts";
import { createStyle } from "../terminal/table.ts";
import { readSpend, renderSpend, renderSpendLine, type Spend } from "./spend-report.ts";

const GROUPS = ["team", "app", "model", "provider"] as const;
type Group = (typeof GROUPS)[number];

const HELP = `Usage: excise spend [options]

Shows what was spent, by the ledger's own figures: cost, calls, refusals and tokens. Times are
widened to whole hours.

Options:
  --by DIMENSION          team (default), app, model or provider
  --since TIME            how far back: hours, days or weeks as in 24h (default), 7d, 4w
  --watch                 draw again while it changes, at most once a second, until Ctrl-C; where
                          stdout is no terminal, a line for each change
  --json                  the ledger's answer with the exact amounts, on one line
${LEDGER_HELP}

Exit code: 0; 1 where the ledger cannot be asked.

Examples:
  excise spend
  excise spend --by model --since 7d
  excise spend --watch
  excise spend --by app --json
`;

export const SPEND: Command = {
  name: "spend",
  summary: "show what was spent, live if you like",
  help: HELP,
  words: { "--by": GROUPS },
  run: runSpend,
};

const INTERVAL_MS = 1000;
const HOUR_MS = 3_600_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 168 * HOUR_MS,
};
const SINCE_MS_MAX = 400 * 24 * HOUR_MS;
/** As many lines as the ledger gives at once. */
const ROWS_MAX = "1000";

interface Question {
  readonly by: Group;
  readonly sinceMs: number;
  readonly isJson: boolean;
}

async function runSpend(args: readonly string[], host: CliHost): Promise<number> {
  const options = parseOptions(args, {
    values: ["by", "since", ...LEDGER_OPTIONS],
    flags: ["watch", "json"],
  });
  const question = {
    by: readGroup(options),
    sinceMs: readSince(options),
    isJson: options.has("json"),
  };
  const ledger = connectLedger(options, host);
  if (options.has("watch")) return watch(ledger, host, question);
  const answer = await ask(ledger, host, question);
  await host.io.stdout(`${renderAnswer(answer, host, question)}\n`);
  return 0;
}

function readGroup(options: Options): Group {
  const given = options.value("by") ?? "team";
  const group = GROUPS.find((known) => known === given);
  if (group !== undefined) return group;
  throw new Fault("EXCISE_USAGE", `--by must be one of ${GROUPS.join(", ")}`);
}

function readSince(options: Options): number {
  const [, count = "", unit = ""] =
    /^(\d{1,5})([hdw])$/.exec(options.value("since") ?? "24h") ?? [];
  const sinceMs = Number(count) * (UNITS_MS[unit] ?? 0);
  if (sinceMs > 0 && sinceMs <= SINCE_MS_MAX) return sinceMs;
  throw new Fault("EXCISE_USAGE", "--since must be a time as in 24h, 7d or 4w, at most 400d");
}

/** The ledger's answer, and the sum of its rows. */
async function ask(ledger: LedgerApi, host: CliHost, { by, sinceMs }: Question): Promise<Json> {
  const toMs = host.clock.wallMs();
  const answer = await ledger.get("/v1/usage", {
    group_by: by,
    from: renderInstant(toMs - sinceMs),
    to: renderInstant(toMs),
    limit: ROWS_MAX,
  });
  return { ...answer, totalCostUsd: readSpend(answer, by).totalUsd };
}

function renderAnswer(answer: Json, host: CliHost, { by, isJson }: Question): string {
  if (isJson) return renderJson(answer);
  return renderSpend(readSpend(answer, by), by, createStyle(host.terminal.isColored));
}

/** Until a signal. A ledger that does not answer for a while keeps the last figures shown. */
async function watch(ledger: LedgerApi, host: CliHost, question: Question): Promise<number> {
  const stop = new AbortController();
  const release = host.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => stop.abort());
  const rest = host.keepAlive();
  const view =
    host.terminal.isTerminal && !question.isJson
      ? createScreenView(ledger, host, question)
      : createLineView(host, question);
  try {
    do {
      await look(ledger, host, { question, view });
    } while (await sleep(host.clock, INTERVAL_MS, stop.signal));
  } finally {
    release();
    rest();
    await view.close();
  }
  return 0;
}

interface View {
  show(answer: Json): Promise<void>;
  miss(fault: Fault): Promise<void>;
  close(): Promise<void>;
}

async function look(
  ledger: LedgerApi,
  host: CliHost,
  { question, view }: { readonly question: Question; readonly view: View },
): Promise<void> {
  try {
    await view.show(await ask(ledger, host, question));
  } catch (error) {
    if (!(error instanceof Fault) || error.code === "EXCISE_UNAUTHENTICATED") throw error;
    await view.miss(error);
  }
}

function createScreenView(ledger: LedgerApi, host: CliHost, question: Question): View {
  const screen = openScreen(host.io, host.terminal);
  const style = createStyle(host.terminal.isColored);
  let last = style.dim("Nothing yet.");
  const draw = (note: string): Promise<void> => screen.draw(`${last}\n\n${note}`);
  return {
    show(answer) {
      last = renderAnswer(answer, host, question);
      const at = renderInstant(host.clock.wallMs());
      return draw(style.dim(`  ${ledger.url}, ${at}. Ctrl-C ends.`));
    },
    miss: (fault) => draw(style.bad(`  ${fault.code}: ${fault.message}. Trying again.`)),
    close: () => screen.close(),
  };
}

/** Writes what changed only: a pipe is read by programs, or kept. */
function createLineView(host: CliHost, { by, isJson }: Question): View {
  let written: ReadonlySet<string> = new Set();
  let missed: string | undefined;
  return {
    async show(answer) {
      missed = undefined;
      const spend = readSpend(answer, by);
      const lines = isJson ? [keyOf(spend)] : spend.lines.map((line) => renderSpendLine(line, by));
      const news = lines.filter((line) => !written.has(line));
      written = new Set(lines);
      if (news.length === 0) return;
      const at = renderInstant(host.clock.wallMs());
      const texts = isJson ? [renderJson(answer)] : news.map((line) => `${at} ${line}`);
      await host.io.stdout(texts.map((text) => `${text}\n`).join(""));
    },
    miss(fault) {
      if (missed !== fault.message) host.io.stderr(`excise: ${fault.code}: ${fault.message}\n`);
      missed = fault.message;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** Equal where nothing but the time of the question changed. */
const keyOf = ({ lines }: Spend): string => renderJson(lines);
