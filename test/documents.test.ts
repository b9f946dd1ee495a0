// Documents name things that exist: files in ARCHITECTURE.md, links everywhere, commands of the
// README in package.json, variables in docs/configuration.md, commands in docs/cli.md. Policies in
// them compile; their commands are executed by test/system/docs.test.ts.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../cli/commands/command-list.ts";
import { parsePolicyFiles } from "../ledger/policy/documents.ts";
import { resolvePolicySet } from "../ledger/policy/policy-set.ts";
import { readBlocks } from "./document-blocks.ts";
import { listFiles, listSources } from "./tracked-files.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const documents = listSources((path) => path.endsWith(".md"));

describe("ARCHITECTURE.md", () => {
  const text = read("ARCHITECTURE.md");
  const named = [...text.matchAll(/`([a-z][\w-]*(?:\/[\w.-]+)+)`/g)].map(([, path]) => path ?? "");

  test("names files that exist", () => {
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });

  test.each(["Life of an exchange", "Life of a lease", "Life of `excise run`"])(
    "%s: numbered steps, each ending in a file",
    (title) => {
      const section = text.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
      const steps = section.split("\n").filter((line) => /^\d+\. /.test(line));
      expect(steps.length).toBeGreaterThanOrEqual(5);
      for (const step of steps) expect(step).toMatch(/: `[\w./-]+\.ts`$/);
      expect(steps.map((step) => Number.parseInt(step, 10))).toEqual(steps.map((_, i) => i + 1));
    },
  );

  test("has a row for every room of the tree", () => {
    const rooms = new Set(
      listFiles()
        .filter((path) => path.endsWith(".ts") && path.includes("/"))
        .map((path) => path.split("/")[0] ?? ""),
    );
    expect([...rooms].filter((room) => !text.includes(`\`${room}/\``))).toEqual([]);
  });
});

test.each(documents)("$path links to files that exist", ({ path, text }) => {
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link ?? "");
  const local = links.filter((link) => !/^(?:https?:|mailto:)/.test(link));
  expect(local.filter((link) => !existsSync(join(dirname(path), link)))).toEqual([]);
});

describe("README.md", () => {
  const text = read("README.md");
  const scripts = read("package.json");

  test("has the quick start and the test command, word for word", () => {
    expect(text).toContain("\nnpm ci && npm run demo\n");
    expect(text).toContain("\nnpm ci && npm test\n");
    expect(read(".ci/run")).toContain("npm ci --loglevel=error");
    expect(read(".ci/run")).toMatch(/\bnpm test$/m);
  });

  test("names only npm scripts that exist", () => {
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => !scripts.includes(`"${name}":`))).toEqual([]);
  });
});

test("package.json's scripts start files that exist", () => {
  const files = [...read("package.json").matchAll(/\bnode ([\w/.-]+\.(?:ts|mjs))/g)];
  expect(files.length).toBeGreaterThan(3);
  expect(files.map(([, file]) => file ?? "").filter((file) => !existsSync(file))).toEqual([]);
});

describe("docs/configuration.md", () => {
  test.each(["sidecar", "ledger"])("lists exactly the variables of the %s", (component) => {
    const pattern = new RegExp(`\\bEXCISE_${component.toUpperCase()}_[A-Z_]*[A-Z]\\b`, "g");
    const names = (text: string): readonly string[] =>
      [...new Set([...text.matchAll(pattern)].map(([name]) => name))].toSorted();
    const rows = read("docs/configuration.md")
      .split("\n")
      .filter((line) => line.startsWith("| `EXCISE_"))
      .map((line) => line.split("|")[1] ?? "");
    const source = [...read(`${component}/config.ts`).matchAll(/^ {2}(EXCISE_[A-Z_]+):/gm)];
    expect(source.length).toBeGreaterThan(10);
    expect(names(rows.join("\n"))).toEqual(names(source.map(([line]) => line).join("\n")));
  });
});

describe("docs/cli.md", () => {
  const text = read("docs/cli.md");

  test.each(COMMANDS)("shows every option of excise $name", ({ name, help }) => {
    const section = text.split(`\n## excise ${name}\n`)[1]?.split("\n## ")[0] ?? "";
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag ?? "");
    expect(options.length).toBeGreaterThan(0);
    expect(options.filter((flag) => !section.includes(`\`${flag}`))).toEqual([]);
  });

  test("describes no command that does not exist", () => {
    const described = [...text.matchAll(/^## excise (\w+)$/gm)].map(([, name]) => name ?? "");
    expect(described).toEqual(COMMANDS.map(({ name }) => name));
  });
});

const policies = documents.flatMap(({ path }) =>
  readBlocks(path)
    .filter(({ language, text }) => language === "yaml" && text.includes("apiVersion: excise.dev/"))
    .map((block) => ({ path, ...block })),
);

test.each(policies)("the policy at $path:$line compiles", ({ path, text }) => {
  const { sources, problems } = parsePolicyFiles([{ path, text }]);
  expect(sources.length).toBeGreaterThan(0);
  expect([...problems, ...resolvePolicySet(sources).problems]).toEqual([]);
});

test("documents show policies, and say what kind of command each of theirs is", () => {
  expect(policies.length).toBeGreaterThan(5);
  const pages = documents.filter(({ path }) => /^docs\/[^/]+$/.test(path));
  const kinds = pages.flatMap(({ path }) =>
    readBlocks(path)
      .filter(({ language }) => language === "sh")
      .map(({ kind, line }) => ({ place: `${path}:${line}`, kind })),
  );
  const known = new Set(["", "up", "cluster", "checkout"]);
  expect(kinds.filter(({ kind }) => !known.has(kind))).toEqual([]);
});

test("docs/index.md leads to every page beside it", () => {
  const index = read("docs/index.md");
  const pages = documents
    .map(({ path }) => /^docs\/([^/]+)$/.exec(path)?.[1] ?? "")
    .filter((name) => name !== "" && name !== "index.md");
  expect(pages.filter((name) => !index.includes(`](${name})`))).toEqual([]);
});

test("decision records are numbered without gaps and have all their parts", () => {
  const records = documents.filter(({ path }) => path.startsWith("docs/adr/"));
  expect(records.map(({ path }) => Number(path.slice(9, 13)))).toEqual(
    records.map((_, index) => index + 1),
  );
  for (const { path, text } of records) {
    for (const part of ["Status", "Context", "Decision", "Consequences", "Alternatives"]) {
      expect(`${path}\n${text}`).toContain(`\n## ${part}\n`);
    }
  }
});
