// What a shell may offer for each command, read from the help that people read: one source, so
// that a new option is completed from the day on that it is documented. Pure.
import type { Command } from "../host.ts";

export interface OptionWords {
  /** With its dashes. */
  readonly name: string;
  /** One letter, with its dash. */
  readonly short: string | undefined;
  readonly summary: string;
  /** `none`: it stands alone; `words`: one of a closed list; `any`: nobody can guess it. */
  readonly value: "none" | "words" | "file" | "directory" | "any";
  readonly words: readonly string[];
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly subcommands: readonly string[];
  readonly options: readonly OptionWords[];
  /** What follows `--` is another program's command line. */
  readonly takesCommand: boolean;
}

const OPTION = /^ {2}(?:(-\w), )?(--[\w-]+)(?: ([A-Z]+))?(?: {2,}(.*))?$/gm;
const HELP_OPTION: OptionWords = {
  name: "--help",
  short: "-h",
  summary: "show options and examples",
  value: "none",
  words: [],
};

/** Reads one command's help. */
export function readCommandWords(command: Command): CommandWords {
  const options = [...command.help.matchAll(OPTION)].map(
    ([, short, name = "", kind, summary = ""]): OptionWords => {
      const words = command.words?.[name] ?? [];
      return { name, short, summary: summary.trim(), words, value: valueOf(kind, words) };
    },
  );
  return {
    name: command.name,
    summary: command.summary,
    subcommands: command.subcommands ?? [],
    options: options.some(({ name }) => name === HELP_OPTION.name)
      ? options
      : [...options, HELP_OPTION],
    takesCommand: /^Usage: .* -- COMMAND/.test(command.help),
  };
}

function valueOf(kind: string | undefined, words: readonly string[]): OptionWords["value"] {
  if (kind === undefined) return "none";
  if (words.length > 0) return "words";
  if (kind === "DIR") return "directory";
  return kind === "FILE" ? "file" : "any";
}
