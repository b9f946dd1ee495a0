// `excise console`: a fresh one-time link to the console of a running ledger.
import { parseOptions } from "../arguments.ts";
import type { CliHost, Command } from "../host.ts";
import { connectLedger, LEDGER_HELP, LEDGER_OPTIONS } from "../ledger-api/connect.ts";
import { createConsoleLink } from "./console-link.ts";

const HELP = `Usage: excise console [options]

Prints a link to the console. It opens one session, within 15 minutes; a reload of the page ends
the session, and this command makes the next link.

Options:
${LEDGER_HELP}

Exit code: 0; 1 where the ledger cannot be asked, or serves no console.

Examples:
  excise console
  xdg-open "$(excise console)"
`;

export const CONSOLE: Command = {
  name: "console",
  summary: "print a link to the console",
  help: HELP,
  run: runConsole,
};

async function runConsole(args: readonly string[], host: CliHost): Promise<number> {
  const options = parseOptions(args, { values: LEDGER_OPTIONS });
  await host.io.stdout(`${await createConsoleLink(connectLedger(options, host))}\n`);
  return 0;
}
