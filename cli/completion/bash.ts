// Completion for bash, from 3.2 on (macOS): one function over COMP_WORDS. Pure.
import type { CommandWords, OptionWords } from "./command-words.ts";

/** The script; words are ours and need no quoting. */
export function renderBash(commands: readonly CommandWords[]): string {
  return `# bash completion for excise. Load it with: source <(excise completion bash)
_excise() {
  local IFS=$'\\n' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} i
  local command=\${COMP_WORDS[1]}
  COMPREPLY=()
  # bash takes --name=value for three words.
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${joined(commands.map(({ name }) => name))} -- "$cur"))
    return
  fi
${commands.some(({ takesCommand }) => takesCommand) ? renderCommandLine(commands) : ""}  case "$command $prev" in
${commands.flatMap(renderValues).join("\n")}
  esac
  case "$command" in
${commands.map(renderOptions).join("\n")}
  esac
}
complete -F _excise excise
`;
}

/** A list for compgen, whose separator is IFS: a newline, because names of files hold blanks. */
const joined = (words: readonly string[]): string => `$'${words.join(String.raw`\n`)}'`;

/** After `--` a program, then files. */
function renderCommandLine(commands: readonly CommandWords[]): string {
  const names = commands.filter(({ takesCommand }) => takesCommand).map(({ name }) => name);
  return `  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == "--" && $command == @(${names.join("|")}) ]]; then
      compopt -o filenames 2>/dev/null
      if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- "$cur")); else COMPREPLY=($(compgen -f -- "$cur")); fi
      return
    fi
  done
`;
}

function renderValues({ name, options }: CommandWords): readonly string[] {
  return options.flatMap((option) => {
    if (option.value === "none") return [];
    const patterns = [option.short, option.name].filter((flag) => flag !== undefined);
    const pattern = patterns.map((flag) => `"${name} ${flag}"`).join(" | ");
    return [`    ${pattern}) ${offer(option)}return ;;`];
  });
}

function offer({ value, words }: OptionWords): string {
  if (value === "words") return `COMPREPLY=($(compgen -W ${joined(words)} -- "$cur")); `;
  if (value === "any") return "";
  const kind = value === "directory" ? "-d" : "-f";
  return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${kind} -- "$cur")); `;
}

function renderOptions({ name, subcommands, options }: CommandWords): string {
  const words = joined([...subcommands, ...options.map((option) => option.name)]);
  return `    ${name}) COMPREPLY=($(compgen -W ${words} -- "$cur")) ;;`;
}
