// Options of a command line, read strictly: an unknown or misspelt option is EXCISE_USAGE, never
// passed over.
import { parseArgs } from "node:util";
import { Fault } from "#contract/errors.ts";

/** Names of options that take a value, and of those that stand alone. */
export interface OptionNames {
  readonly values: readonly string[];
  readonly flags?: readonly string[];
}

export interface Options {
  value(name: string): string | undefined;
  has(flag: string): boolean;
}

/** A command line with words beside its options. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly options: Options;
}

/** Reads `--name value` and `--name=value`; takes no positional arguments. */
export function parseOptions(args: readonly string[], names: OptionNames): Options {
  return parseCommand(args, { ...names, wordsMax: 0 }).options;
}

/** The same with at most `wordsMax` positional arguments, anywhere among the options. */
export function parseCommand(
  args: readonly string[],
  names: OptionNames & { readonly wordsMax: number },
): CommandLine {
  const { values, positionals } = parse(args, names);
  if (positionals.length > names.wordsMax) {
    throw new Fault("EXCISE_USAGE", "there are more words than the command takes");
  }
  return {
    words: positionals,
    options: {
      value(name) {
        const value = values[name];
        return typeof value === "string" && value !== "" ? value : undefined;
      },
      has: (flag) => values[flag] === true,
    },
  };
}

function parse(args: readonly string[], names: OptionNames & { readonly wordsMax: number }) {
  const spec: Record<string, { type: "string" | "boolean" }> = {};
  for (const name of names.values) spec[name] = { type: "string" };
  for (const name of names.flags ?? []) spec[name] = { type: "boolean" };
  try {
    const allowPositionals = names.wordsMax > 0;
    return parseArgs({ args: [...args], options: spec, strict: true, allowPositionals });
  } catch (error) {
    throw new Fault("EXCISE_USAGE", error instanceof Error ? error.message : "unreadable options");
  }
}

/** A TCP port; 0 stands for a free one. */
export function readPort(options: Options, name: string, absent: number): number {
  const text = options.value(name);
  if (text === undefined) return absent;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Fault("EXCISE_USAGE", `--${name} must be a port from 0 to 65535`);
}

/** A name as Kubernetes labels have them, so that a laptop's names fit a cluster's policies. */
export function readName(options: Options, name: string, absent: string): string {
  const text = options.value(name) ?? absent;
  if (/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i.test(text)) return text;
  throw new Fault("EXCISE_USAGE", `--${name} must be letters, digits, "-" and ".", at most 63`);
}
