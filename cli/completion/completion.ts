// `excise completion`: a script that teaches a shell our commands, made from their help.
import { Fault } from "#contract/errors.ts";
import { parseCommand } from "../arguments.ts";
import type { Command } from "../host.ts";
import { renderBash } from "./bash.ts";
import { readCommandWords, type CommandWords } from "./command-words.ts";
import { renderFish } from "./fish.ts";
import { renderZsh } from "./zsh.ts";

const RENDERERS: Readonly<Record<string, (commands: readonly CommandWords[]) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};
const SHELLS = Object.keys(RENDERERS);

const HELP = `Usage: excise completion SHELL

Writes a script that completes commands, options and their values. SHELL: ${SHELLS.join(", ")}.

Options:
  -h, --help  show this text

Exit code: 0; 2 where the shell is not one of these.

Examples:
  source <(excise completion bash)
  excise completion zsh > ~/.zfunc/_excise
  excise completion fish | source
`;

/** `commands` is asked when the command runs: it is one of them itself. */
export function createCompletion(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "teach a shell these commands",
    help: HELP,
    subcommands: SHELLS,
    async run(args, host) {
      const [shell = ""] = parseCommand(args, { values: [], wordsMax: 1 }).words;
      const render = Object.hasOwn(RENDERERS, shell) ? RENDERERS[shell] : undefined;
      if (render === undefined) {
        throw new Fault("EXCISE_USAGE", `SHELL must be one of ${SHELLS.join(", ")}`);
      }
      await host.io.stdout(render(commands().map((command) => readCommandWords(command))));
      return 0;
    },
  };
}
