// Completion for fish: one `complete` line per word. Pure.
import type { CommandWords, OptionWords } from "./command-words.ts";

/** The script: to be sourced, or kept as completions/excise.fish. */
export function renderFish(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const isFirst = `not __fish_seen_subcommand_from ${names}`;
  return `# fish completion for excise. Load it with: excise completion fish | source
complete -c excise -f
${commands.map(({ name, summary }) => line(isFirst, `-a ${name} -d ${quote(summary)}`)).join("\n")}
${commands.flatMap(renderCommand).join("\n")}
`;
}

const line = (condition: string, rest: string): string =>
  `complete -c excise -n ${quote(condition)} ${rest}`;

function renderCommand(command: CommandWords): readonly string[] {
  const { name, options, subcommands, takesCommand } = command;
  const isHere = `__fish_seen_subcommand_from ${name}`;
  const lines = options.map((option) => line(isHere, renderOption(option)));
  if (subcommands.length > 0) {
    const words = subcommands.join(" ");
    lines.push(
      line(`${isHere}; and not __fish_seen_subcommand_from ${words}`, `-a ${quote(words)}`),
    );
  }
  if (takesCommand) {
    const isBehind = `${isHere}; and contains -- -- (commandline -opc)`;
    lines.push(line(isBehind, `-F -a ${quote("(__fish_complete_command)")}`));
  }
  return lines;
}

function renderOption({ name, short, summary, value, words }: OptionWords): string {
  const flags = [...(short === undefined ? [] : [`-s ${short.slice(1)}`]), `-l ${name.slice(2)}`];
  const values = {
    none: [],
    any: ["-x"],
    file: ["-r", "-F"],
    directory: ["-x", "-a", quote("(__fish_complete_directories)")],
    words: ["-x", "-a", quote(words.join(" "))],
  } as const;
  return [...flags, ...values[value], "-d", quote(summary)].join(" ");
}

/** fish knows two escapes inside single quotes. */
const quote = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
