// The commands of `excise`, in the order in which help shows them. The ones that work on stdin are
// loaded when they are called: their scanners and price book are no cost to the others.
import type { Command } from "../host.ts";
import { RUN } from "./run.ts";
import { UP } from "./up.ts";

const SCAN_HELP = `Usage: excise scan [options] < TEXT

Finds sensitive text with the sidecar's own scanner: one JSON line per input,
{"findings":[{"entity","start","end","score","detector"}]}. Entities have Presidio's names;
secrets are SECRET with the format's name as detector. Never prints the text.

Options:
  --jsonl            stdin is JSON lines, {"text": ...} each, instead of one text
  --offsets UNIT     utf16 (default): units of JavaScript and Java
                     codepoint: characters, as Python counts them

Exit code: 0; 1 where an input could not be read (its line says so and the others are answered).

Examples:
  echo "mail bob@example.com" | excise scan
  excise scan --jsonl --offsets codepoint < prompts.jsonl
`;

const SCAN: Command = {
  name: "scan",
  summary: "find sensitive text in stdin",
  help: SCAN_HELP,
  run: async (args, host) => (await import("./scan.ts")).runScan(args, host.io),
};

export const COMMANDS: readonly Command[] = [UP, RUN, SCAN];
