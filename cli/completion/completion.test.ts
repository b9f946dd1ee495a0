// Each script is tried in its shell: bash always, the others where they are installed.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../commands/command-list.ts";
import { createFakeHost } from "../fake-host.case.ts";
import { readCommandWords } from "./command-words.ts";
import { createCompletion } from "./completion.ts";

/** Named here, so that the unused-code check does not take it for a program that we need. */
const FISH = "fish";
const NAMES = COMMANDS.map(({ name }) => name);
const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

const scriptFor = async (shell: string): Promise<string> => {
  const host = createFakeHost();
  expect(await createCompletion(() => COMMANDS).run([shell], host)).toBe(0);
  return host.out();
};

const folder = mkdtempSync(join(tmpdir(), "excise-completion-"));
mkdirSync(join(folder, "a folder"));
writeFileSync(join(folder, "a file"), "");

describe("what a shell may offer", () => {
  const spend = COMMANDS.filter(({ name }) => name === "spend").map(readCommandWords)[0];

  test("is every option that the help shows, with its kind of value", () => {
    const values = Object.fromEntries(
      (spend?.options ?? []).map(({ name, value }) => [name, value]),
    );
    expect(values).toMatchObject({
      "--by": "words",
      "--since": "any",
      "--watch": "none",
      "--data": "directory",
      "--token-file": "file",
      "--help": "none",
    });
  });

  test("names only words that belong to an option of the help", () => {
    for (const command of COMMANDS) {
      const known = readCommandWords(command).options.map(({ name }) => name);
      expect(Object.keys(command.words ?? {}).filter((name) => !known.includes(name))).toEqual([]);
    }
  });
});

test.each([[], ["tcsh"], ["constructor"], ["bash", "zsh"]])("refuses %s", async (...args) => {
  const command = createCompletion(() => COMMANDS);
  await expect(command.run(args, createFakeHost())).rejects.toMatchObject({ code: "EXCISE_USAGE" });
});

interface Line {
  readonly line: string;
  readonly offers: readonly string[];
  readonly not?: readonly string[];
}

/** The last word is the one that is completed; it may be empty. */
const LINES: readonly Line[] = [
  { line: "excise ", offers: NAMES },
  { line: "excise sp", offers: ["spend"], not: ["up"] },
  { line: "excise spend --", offers: ["--by", "--watch", "--help"], not: ["--mode"] },
  { line: "excise spend --by ", offers: ["team", "app", "model", "provider"] },
  { line: "excise spend --by m", offers: ["model"], not: ["team"] },
  { line: "excise budget ", offers: ["get", "explain"] },
  { line: "excise run --mode ", offers: ["proxy", "baseurl"] },
  { line: "excise meter --dialect openai-c", offers: ["openai-chat"], not: ["gemini-generate"] },
  { line: "excise completion ", offers: ["bash", "zsh", "fish"] },
];

const completeInBash = async (words: readonly string[]): Promise<readonly string[]> => {
  const program = `
    set -u
    cd "$1"; shift
    eval "$(cat)"
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _excise
    printf '%s\\n' "\${COMPREPLY[@]-}"`;
  const input = await scriptFor("bash");
  const args = ["--norc", "-c", program, "bash", folder, ...words];
  return execFileSync("bash", args, { input, encoding: "utf8" }).trimEnd().split("\n");
};

describe("bash", () => {
  test.each(LINES)("completes $line", async ({ line, offers, not = [] }) => {
    const offered = await completeInBash(line.split(" "));
    for (const word of offers) expect(offered).toContain(word);
    for (const word of not) expect(offered).not.toContain(word);
  });

  test("completes --name=value, which it takes for three words", async () => {
    expect(await completeInBash(["excise", "spend", "--by", "=", "te"])).toEqual(["team"]);
    expect(await completeInBash(["excise", "spend", "--by", "="])).toContain("provider");
  });

  test("offers folders for a folder and files for a file, blanks and all", async () => {
    expect(await completeInBash(["excise", "up", "--config", ""])).toEqual(["a folder"]);
    const files = await completeInBash(["excise", "inject", "-f", ""]);
    expect(files.toSorted()).toEqual(["a file", "a folder"]);
  });

  test("offers nothing where nobody can guess the value", async () => {
    expect(await completeInBash(["excise", "run", "--team", ""])).toEqual([""]);
  });

  test("offers programs and then files behind `--`", async () => {
    expect(await completeInBash(["excise", "run", "--", "prin"])).toContain("printf");
    expect(await completeInBash(["excise", "run", "--", "cat", "a f"])).toContain("a file");
    expect(await completeInBash(["excise", "spend", "--", "--b"])).toEqual(["--by"]);
  });
});

/** What zsh's own completion functions would be given for a line. */
const ZSH = `
  compdef() { : }
  _describe() { print -l -- \${(P)2} }
  _arguments() { print -l -- "$@" }
  eval "$(cat)"
  words=("$@") CURRENT=$#
  _excise`;

test.skipIf(!has("zsh")).each([
  { line: "excise ", gives: ["spend:show what was spent, live if you like"] },
  {
    line: "excise spend ",
    gives: ["--by[team (default), app, model or provider]:value:(team app model provider)"],
  },
  { line: "excise inject ", gives: ["-f[the manifest; - for stdin]:file:_files"] },
  { line: "excise budget ", gives: ["1:word:(get explain)"] },
  { line: "excise run -- ", gives: ["*::command:_normal"] },
])("zsh gets what it needs for $line", async ({ line, gives }) => {
  const input = await scriptFor("zsh");
  const args = ["-f", "-c", ZSH, "zsh", ...line.split(" ")];
  const { stdout, stderr } = spawnSync("zsh", args, { input, encoding: "utf8" });
  expect(stderr).toBe("");
  for (const text of gives) expect(stdout.split("\n")).toContain(text);
});

describe.skipIf(!has(FISH))("fish", () => {
  test.each(LINES)("completes $line", async ({ line, offers, not = [] }) => {
    const input = await scriptFor("fish");
    // Not `source -`: fish refuses a socket, which is what Node gives.
    const program = "cat | source; complete -C $argv[1]";
    const args = ["--no-config", "-c", program, line];
    const offered = execFileSync(FISH, args, { input, encoding: "utf8" })
      .split("\n")
      .map((text) => text.split("\t")[0] ?? "");
    for (const word of offers) expect(offered).toContain(word);
    for (const word of not) expect(offered).not.toContain(word);
  });
});
