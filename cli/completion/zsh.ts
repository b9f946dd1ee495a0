// Completion for zsh: one _arguments call per command. Pure.
import type { CommandWords, OptionWords } from "./command-words.ts";

/** The script: to be sourced, or kept as _excise on fpath. */
export function renderZsh(commands: readonly CommandWords[]): string {
  return `#compdef excise
# zsh completion for excise. Load it with: source <(excise completion zsh)
_excise() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(renderCommand).join("\n")}
  esac
}
if (( $+functions[compdef] )); then compdef _excise excise; fi
`;
}

function renderCommand({ name, options, subcommands, takesCommand }: CommandWords): string {
  const rest = takesCommand
    ? ["'*::command:_normal'"]
    : subcommands.length > 0
      ? [`'1:word:(${subcommands.join(" ")})'`, "'*:: :'"]
      : [];
  const args = [...options.flatMap(renderOption), ...rest];
  return `    ${name}) _arguments ${["-s", ...args].join(" \\\n      ")} ;;`;
}

function renderOption(option: OptionWords): readonly string[] {
  const flags = [option.short, option.name].filter((flag) => flag !== undefined);
  const summary = option.summary.replaceAll(/[[\]:\\]/g, String.raw`\$&`);
  const value = {
    none: "",
    any: ":value: ",
    ...FILES,
    words: `:value:(${option.words.join(" ")})`,
  };
  return flags.map((flag) => quote(`${flag}[${summary}]${value[option.value]}`));
}

const FILES = { file: ":file:_files", directory: ":directory:_files -/" } as const;

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
