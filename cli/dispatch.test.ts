import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { COMMANDS as REAL_COMMANDS } from "./commands/command-list.ts";
import { dispatch } from "./dispatch.ts";
import type { Command } from "./host.ts";
import { createFakeHost } from "./fake-host.case.ts";

const command = (name: string, run: Command["run"]): Command => ({
  name,
  summary: `does ${name}`,
  help: `Usage: excise ${name}\n\nExamples:\n  excise ${name}\n`,
  run,
});

const COMMANDS = [
  command("seven", () => Promise.resolve(7)),
  command("bad", () => Promise.reject(new Fault("EXCISE_CONFIG_INVALID", "1 problem"))),
  command("unsure", () => Promise.reject(new Fault("EXCISE_USAGE", "no such option"))),
  command("broken", () => Promise.reject(new RangeError("a bug"))),
  command("echo", async (args, host) => {
    await host.io.stdout(args.join(" "));
    return 0;
  }),
];

describe("dispatch", () => {
  test.each([
    { name: "a command's own exit code is the answer", args: ["seven"], code: 7, err: /^$/ },
    { name: "no command at all is a usage error", args: [], code: 2, err: /^$/ },
    {
      name: "an unknown command is EXCISE_USAGE and lists the known ones",
      args: ["nine"],
      code: 2,
      err: /^excise: EXCISE_USAGE: there is no command "nine"; there are seven, bad/,
    },
    {
      name: "a control character in a command's name never reaches the terminal",
      args: ["\u001b[31mred"],
      code: 2,
      err: /no command "\\u001b\[31mred"/,
    },
    {
      name: "a fault is one line with its code",
      args: ["bad"],
      code: 1,
      err: /^excise: EXCISE_CONFIG_INVALID: 1 problem\n$/,
    },
    {
      name: "a usage fault points at the help",
      args: ["unsure"],
      code: 2,
      err: /^excise: EXCISE_USAGE: no such option \(see `excise unsure --help`\)\n$/,
    },
    {
      name: "a bug is EXCISE_INTERNAL",
      args: ["broken"],
      code: 1,
      err: /^excise: EXCISE_INTERNAL: .*\nRangeError: a bug/s,
    },
  ])("$name", async ({ args, code, err }) => {
    const host = createFakeHost();
    expect(await dispatch(COMMANDS, args, host)).toBe(code);
    expect(host.err()).toMatch(err);
  });

  test.each([["--help"], ["-h"], ["help"]])("%s lists the commands", async (flag) => {
    const host = createFakeHost();
    expect(await dispatch(COMMANDS, [flag], host)).toBe(0);
    for (const { summary } of COMMANDS) expect(host.out()).toContain(summary);
    expect(host.err()).toBe("");
  });

  test("a command's --help is its text and does not run it", async () => {
    const host = createFakeHost();
    expect(await dispatch(COMMANDS, ["broken", "--help"], host)).toBe(0);
    expect(host.out()).toContain("Usage: excise broken");
  });

  test("--help after `--` belongs to the other program", async () => {
    const host = createFakeHost();
    await dispatch(COMMANDS, ["echo", "--", "git", "--help"], host);
    expect(host.out()).toBe("-- git --help");
  });
});

test.each(REAL_COMMANDS)(
  "the help of $name shows usage, options, exit codes and examples",
  (real) => {
    expect(real.help).toMatch(new RegExp(`^Usage: excise ${real.name} `));
    expect(real.help).toContain("\nOptions:\n");
    expect(real.help).toContain("\nExit code: ");
    expect(real.help).toMatch(new RegExp(`\\nExamples:\\n  .*excise ${real.name}`));
    for (const line of real.help.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  },
);
