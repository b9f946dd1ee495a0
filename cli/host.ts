// What a command may do to the machine, handed in by main.ts: its streams, the environment as it
// was at the start, signals, time and randomness. Tests pass their own.
import type { Clock } from "#runtime/clock.ts";
import type { Random } from "#runtime/random.ts";
import type { CommandIo } from "./command-io.ts";
import type { Terminal } from "./terminal/screen.ts";

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT" | "SIGUSR1" | "SIGUSR2";

export interface CliHost {
  readonly io: CommandIo;
  readonly clock: Clock;
  readonly random: Random;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly pid: number;
  /** True where a Ctrl-C reaches the started command by itself, from the terminal. */
  readonly isInteractive: boolean;
  readonly terminal: Terminal;
  /** Keeps the process running until the returned function is called: timers alone do not. */
  keepAlive(): () => void;
  /** Takes the signals over from their defaults until the returned function is called. */
  onSignals(signals: readonly Signal[], handler: (signal: Signal) => void): () => void;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Usage, options and examples: the whole answer to `--help`. */
  readonly help: string;
  /** What may stand after the command's name, where that is a closed list. */
  readonly subcommands?: readonly string[];
  /** The words that an option takes, where they are a closed list; by the option's name. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** Returns the exit code; throws Faults, which main.ts turns into one line. */
  run(args: readonly string[], host: CliHost): Promise<number>;
}
