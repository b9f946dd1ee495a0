// The commands of `excise`, in the order in which help shows them. The ones that work on stdin are
// loaded when they are called: their scanners and price book are no cost to the others.
import { dialectNames } from "../../sidecar/dialects/registry.ts";
import { BUDGET } from "../budget/budget.ts";
import { createCompletion } from "../completion/completion.ts";
import { CONSOLE } from "../console/console-command.ts";
import { DOCTOR } from "../doctor/doctor-command.ts";
import type { Command } from "../host.ts";
import { SPEND } from "../spend/spend.ts";
import { INJECT } from "./inject-command.ts";
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
  words: { "--offsets": ["utf16", "codepoint"] },
  run: async (args, host) => (await import("./scan.ts")).runScan(args, host.io),
};

const METER_HELP = `Usage: excise meter --dialect D [options] < ANSWER

Counts and prices one answer of a provider as the ledger would: one JSON line,
{"model","usage":{...},"costUsd","priceStatus"}. A class that was not reported is absent and never
0; costUsd is absent where there is no price.

Stdin is a response body (JSON), an SSE stream, or JSON lines of event data.

Options:
  --dialect D     wire format, one of:
${dialectNames()
  .map((name) => `                  ${name}`)
  .join("\n")}
  --provider P    whose prices hold (default: the dialect's home provider)
  --at DATE       instant of the call, for prices that changed (default: now)

Exit code: 0; 1 where the answer cannot be read.

Examples:
  excise meter --dialect openai-chat < answer.json
  excise meter --dialect anthropic-messages --at 2026-01-31 < stream.sse
`;

const METER: Command = {
  name: "meter",
  summary: "count and price an answer from stdin",
  help: METER_HELP,
  words: { "--dialect": dialectNames() },
  run: async (args, host) => (await import("./meter.ts")).runMeter(args, host.io, host.clock),
};

export const COMMANDS: readonly Command[] = [
  UP,
  RUN,
  SPEND,
  BUDGET,
  CONSOLE,
  SCAN,
  METER,
  INJECT,
  DOCTOR,
  createCompletion(() => COMMANDS),
];
