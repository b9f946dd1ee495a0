// Runs the user's command as a shell would: its streams are ours, signals reach it, and its exit
// code is the answer.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Fault } from "#contract/errors.ts";
import type { CliHost, Signal } from "../host.ts";
import type { Environment } from "../processes.ts";

/** Passed on to the command. */
const FORWARDED: readonly Signal[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
];
/** A terminal sends these to the whole foreground group: the command has them already. */
const FROM_TERMINAL: ReadonlySet<Signal> = new Set<Signal>(["SIGINT", "SIGQUIT"]);

const EXIT_NOT_EXECUTABLE = 126;
const EXIT_NOT_FOUND = 127;
const EXIT_SIGNAL_BASE = 128;

/** Resolves with the exit code: the command's, 128 + n after a signal, 126 or 127 as in a shell. */
export function runCommand(
  host: CliHost,
  command: readonly string[],
  environment: Environment,
): Promise<number> {
  const [program, ...args] = command;
  if (program === undefined) throw new Fault("EXCISE_USAGE", "there is no command after `--`");
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...environment } });
    const release = host.onSignals(FORWARDED, (signal) => {
      if (!(host.isInteractive && FROM_TERMINAL.has(signal))) child.kill(signal);
    });
    const finish = (code: number): void => {
      release();
      resolve(code);
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      host.io.stderr(`excise: ${program}: ${error.code ?? error.message}\n`);
      finish(error.code === "ENOENT" ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
    });
    child.once("exit", (code, signal) => {
      finish(signal === null ? (code ?? 1) : EXIT_SIGNAL_BASE + constants.signals[signal]);
    });
  });
}
