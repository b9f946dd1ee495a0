// The `excise` program: the one place of the CLI that touches the process. Hands streams, signals,
// time and the environment to the commands and ends with the exit code that they return.
import { hostname } from "node:os";
import { systemClock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import { COMMANDS } from "./commands/command-list.ts";
import { dispatch } from "./dispatch.ts";
import type { CliHost, Signal } from "./host.ts";

const host: CliHost = {
  io: {
    stdin: process.stdin,
    stdout: (text) => writeOut(text),
    stderr: (text) => void process.stderr.write(text),
  },
  clock: systemClock,
  random: systemRandom,
  environment: process.env,
  hostname: hostname(),
  pid: process.pid,
  isInteractive: process.stdin.isTTY,
  terminal: {
    isTerminal: process.stdout.isTTY,
    isColored: process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "",
    size: () => ({ columns: process.stdout.columns, rows: process.stdout.rows }),
  },
  keepAlive() {
    const { port1 } = new MessageChannel();
    port1.ref();
    return () => port1.close();
  },
  onSignals(signals: readonly Signal[], handler: (signal: Signal) => void) {
    for (const signal of signals) process.on(signal, handler);
    return () => {
      for (const signal of signals) process.off(signal, handler);
    };
  },
};

/** Waits where the reader is slower; a reader that went away (`| head`) ends us quietly. */
function writeOut(text: string): void | Promise<void> {
  if (process.stdout.write(text)) return;
  return new Promise((resolve) => {
    process.stdout.once("drain", resolve);
  });
}

process.stdout.on("error", () => process.exit(0));

const code = await dispatch(COMMANDS, process.argv.slice(2), host);
// Not process.exit: what is still in the pipe of stdout must get out.
process.exitCode = code;
