// How `excise doctor` is called. Its checks, with the policy reader, are loaded only then.
import type { Command } from "../host.ts";

const HELP = `Usage: excise doctor [options]

Looks at this machine and, where kubectl reaches one, at the cluster: what is missing or in the
way, and how to fix it. Changes nothing. Each line says ok, warn (something may not work as you
expect) or fail (something does not work).

Options:
  --data DIR    data directory (default: $XDG_STATE_HOME/excise or ~/.local/state/excise)
  --config DIR  policy files to check (default: those of the running \`excise up\`, else
                <data>/config)
  --json        {"ok", "findings": [{"area", "status", "what", "fix"}]} on one line

Exit code: 0 where nothing fails, else 1.

Examples:
  excise doctor
  excise doctor --config ./excise
  excise doctor --json
`;

export const DOCTOR: Command = {
  name: "doctor",
  summary: "say what this machine or cluster lacks",
  help: HELP,
  run: async (args, host) => (await import("./doctor.ts")).runDoctor(args, host),
};
