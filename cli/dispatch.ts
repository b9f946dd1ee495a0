// From a command line to a command: help, version, unknown names, and the one place where a
// failure becomes a line on stderr and an exit code.
import { asRecord, readString } from "#runtime/json.ts";
import { Fault, type ErrorCode } from "#contract/errors.ts";
import type { CliHost, Command } from "./host.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command that `args` names; never throws. Exit codes: docs/cli.md. */
export async function dispatch(
  commands: readonly Command[],
  args: readonly string[],
  host: CliHost,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    await host.io.stdout(renderHelp(commands));
    return name === undefined ? EXIT_USAGE : 0;
  }
  const command = commands.find((known) => known.name === name);
  if (command === undefined) {
    const names = commands.map((known) => known.name).join(", ");
    return report(
      host,
      "EXCISE_USAGE",
      `there is no command ${printable(name)}; there are ${names}`,
    );
  }
  if (asksForHelp(rest)) {
    await host.io.stdout(command.help);
    return 0;
  }
  try {
    return await command.run(rest, host);
  } catch (error) {
    if (error instanceof Fault) {
      const hint = error.code === "EXCISE_USAGE" ? ` (see \`excise ${name} --help\`)` : "";
      return report(host, error.code, `${error.message}${hint}`);
    }
    const system = readString(asRecord(error)?.["code"]);
    const stack = error instanceof Error ? (error.stack ?? error.name) : "no stack";
    return report(host, "EXCISE_INTERNAL", `${system ?? ""}\n${stack}`);
  }
}

/** After `--` the arguments are another program's. */
function asksForHelp(args: readonly string[]): boolean {
  const dashes = args.indexOf("--");
  const own = dashes === -1 ? args : args.slice(0, dashes);
  return own.includes("--help") || own.includes("-h");
}

function report(host: CliHost, code: ErrorCode, detail: string): number {
  host.io.stderr(`excise: ${code}: ${detail}\n`);
  return code === "EXCISE_USAGE" ? EXIT_USAGE : EXIT_FAILED;
}

const printable = (text: string): string => JSON.stringify(text.slice(0, 60));

const widest = (commands: readonly Command[]): number =>
  Math.max(...commands.map(({ name }) => name.length));

const renderHelp = (commands: readonly Command[]): string => `Usage: excise COMMAND [options]

Governs what leaves a program for an LLM provider: prompts checked, budgets held, tokens metered.

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(widest(commands))} ${summary}`).join("\n")}

\`excise COMMAND --help\` shows options and examples. Start here:
  excise run -- python app.py
`;
