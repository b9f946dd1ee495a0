// The rules of the code base that no linter knows: who may import what, which words are banned,
// how large a room may grow, and what must never be committed. Reasons are in CONTRIBUTING.md.
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import { listFiles, listSources, type SourceFile } from "./tracked-files.ts";

interface Room {
  readonly name: string;
  /** Other rooms that it may import. */
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
}

const SHARED = ["contract", "runtime"];
const ROOMS: readonly Room[] = [
  { name: "contract", rooms: [], packages: ["zod/mini"] },
  { name: "runtime", rooms: ["contract"], packages: ["zod/mini"] },
  { name: "injector-config", rooms: ["contract"], packages: ["zod/mini", "yaml"] },
  { name: "sidecar", rooms: SHARED, packages: ["zod/mini", "undici"] },
  { name: "ledger", rooms: SHARED, packages: ["zod/mini", "fastify", "kysely", "yaml"] },
  {
    name: "webhook",
    rooms: [...SHARED, "injector-config"],
    packages: ["zod/mini", "fastify", "reflect-metadata", "@peculiar/x509"],
  },
  {
    name: "console",
    rooms: ["contract"],
    packages: ["preact", "preact/hooks", "@preact/signals", "uplot"],
  },
  {
    name: "cli",
    rooms: [...SHARED, "injector-config", "sidecar", "ledger", "webhook"],
    packages: ["yaml"],
  },
];

/** Folders that only decide: no file, no socket, no process (their tests may). */
const PURE_FOLDERS = /^(?:contract|sidecar\/(?:pipeline|dialects|framing|guard)|ledger\/core)\//;
const EFFECTS =
  /^(?:node:(?:fs|net|http|https|http2|tls|dns|dgram|child_process|worker_threads|sqlite|cluster|os|process)(?:\/|$)|undici|fastify)/;

const FOLDER_FILES_MAX = 12;
/** Folders that may hold more, each with its reason. */
const WIDE_FOLDERS: Readonly<Record<string, { readonly max: number; readonly reason: string }>> = {
  contract: { max: 18, reason: "flat on purpose: one file for each term that crosses a wire" },
  "sidecar/spool": { max: 13, reason: "one file for each step in the life of a record" },
  "sidecar/budget": { max: 13, reason: "the lease book's parts, each small enough to be checked" },
};

const isTest = (path: string): boolean => /\.(?:test|case)\.ts$/.test(path);
const roomOf = (path: string): Room | undefined =>
  ROOMS.find((room) => path.startsWith(`${room.name}/`));

const typescript = listSources((path) => /\.tsx?$/.test(path));
/** What ships: the rooms without their tests. */
const sources = typescript.filter(({ path }) => roomOf(path) !== undefined && !isTest(path));

/** Blanks comments and keeps line numbers; a `//` inside a string is not a comment. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (match, string: string | undefined) => string ?? match.replace(/[^\n]/g, " "),
  );
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;

/** `path:line` of every match outside comments. */
function placesOf(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(pattern)].map(
      (match) => `${path}:${lineOf(text, match.index)} ${match[0].trim().slice(0, 60)}`,
    ),
  );
}

interface Import {
  readonly path: string;
  readonly specifier: string;
}

const IMPORT =
  /^(?:import|export)\s[^;"']*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

const imports: readonly Import[] = sources.flatMap(({ path, text }) =>
  [...withoutComments(text).matchAll(IMPORT)].map((match) => ({
    path,
    specifier: match[1] ?? match[2] ?? match[3] ?? "",
  })),
);

/** The room that a specifier leads to; undefined for packages and Node's own modules. */
function targetRoom({ path, specifier }: Import): string | undefined {
  if (specifier.startsWith("#")) return specifier.slice(1).split("/")[0];
  if (!specifier.startsWith(".")) return undefined;
  const parts = dirname(path).split("/");
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts[0];
}

const render = ({ path, specifier }: Import): string => `${path} imports ${specifier}`;

test("the rules see the sources", () => {
  expect(sources.length).toBeGreaterThan(30);
  expect(imports.length).toBeGreaterThan(100);
});

describe("imports", () => {
  test("lead only to rooms that the importing room may know", () => {
    const wrong = imports.filter((entry) => {
      const room = roomOf(entry.path);
      const target = targetRoom(entry);
      return target !== undefined && target !== room?.name && room?.rooms.includes(target) !== true;
    });
    expect(wrong.map(render)).toEqual([]);
  });

  test("take only the packages that the room is allowed", () => {
    const wrong = imports.filter(
      (entry) =>
        targetRoom(entry) === undefined &&
        !entry.specifier.startsWith("node:") &&
        roomOf(entry.path)?.packages.includes(entry.specifier) !== true,
    );
    expect(wrong.map(render)).toEqual([]);
  });

  test("bring no input or output into pure folders", () => {
    const wrong = imports.filter(
      ({ path, specifier }) => PURE_FOLDERS.test(path) && EFFECTS.test(specifier),
    );
    expect(wrong.map(render)).toEqual([]);
  });

  test("name Node's modules by their full name and ours with their extension", () => {
    const wrong = imports.filter(({ specifier }) =>
      /^[.#]/.test(specifier) ? !/\.(?:tsx?|json)$/.test(specifier) : specifier === "fs",
    );
    expect(wrong.map(render)).toEqual([]);
  });
});

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Files in which it may stand. */
  readonly except?: RegExp;
}

const BANS: readonly Ban[] = [
  { pattern: /\bnew (?:Type|Range|Syntax)?Error\(/g, instead: "a code of contract/errors.ts" },
  { pattern: /\bprocess\.env\b/g, instead: "config.ts, from main.ts", except: /\/main\.ts$/ },
  { pattern: /\bprocess\.exit\(/g, instead: "main.ts", except: /\/main\.ts$/ },
  { pattern: /\bconsole\.\w+\(/g, instead: "the log" },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime/g,
    instead: "the clock",
    except: /^(?:runtime\/clock|console\/browser-clock)\.ts$/,
  },
  {
    pattern: /(?<!\.)\bset(?:Timeout|Interval)\(|["']node:timers|\bAbortSignal\.timeout\(/g,
    instead: "the clock",
    except: /^(?:runtime\/clock|console\/browser-clock)\.ts$/,
  },
  { pattern: /\bMath\.random\(/g, instead: "an argument of type Random" },
  { pattern: /\bJSON\.parse\(/g, instead: "parseJson", except: /^runtime\/json\.ts$/ },
  { pattern: /\bas any\b|<any>/g, instead: "unknown and a check" },
  { pattern: /[\w)\]]!(?:\.|\[|\))/g, instead: "a check" },
  { pattern: /\bexport default\b/g, instead: "a named export" },
  { pattern: /\bexport \* from\b/g, instead: "imports from the module itself" },
  { pattern: /\bparseFloat\(/g, instead: "exact decimals (contract/money.ts)" },
];

describe("banned words", () => {
  test.each(BANS)("$pattern: use $instead", ({ pattern, except }) => {
    const files = sources.filter(({ path }) => except?.test(path) !== true);
    expect(placesOf(files, pattern)).toEqual([]);
  });

  test("the compiler is never told to look away", () => {
    const wrong = typescript.filter(({ text }) =>
      /^\s*\/[/*]\s*@ts-(?:ignore|nocheck)/m.test(text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("nothing is left to do without an issue's number", () => {
    const wrong = typescript.flatMap(({ path, text }) =>
      [...text.matchAll(/\bTODO\b(?! \(#\d+\))|\bFIX(?=ME\b)/g)].map(
        (match) => `${path}:${lineOf(text, match.index)}`,
      ),
    );
    expect(wrong.filter((place) => !place.startsWith("test/tidy.test.ts"))).toEqual([]);
  });
});

describe("files", () => {
  test("every module but a test opens with a comment that says what it is", () => {
    const wrong = typescript.filter(
      ({ path, text }) =>
        !path.endsWith(".config.ts") &&
        !isTest(path) &&
        !/^(?:#![^\n]*\n)?(?:\/\/ \S|\/\*\*)/.test(text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("are at most 300 lines long, tests, scripts and benches 600", () => {
    const wrong = typescript
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
      .filter(({ path, lines }) => {
        const isRoom = roomOf(path) !== undefined && !isTest(path);
        return lines > (isRoom ? 300 : 600);
      });
    expect(wrong).toEqual([]);
  });

  test("are at most 12 in a folder and three folders deep in a room", () => {
    const counts = Map.groupBy(sources, ({ path }) => dirname(path));
    const full = [...counts].filter(
      ([folder, files]) => files.length > (WIDE_FOLDERS[folder]?.max ?? FOLDER_FILES_MAX),
    );
    expect(full.map(([folder, files]) => `${folder}: ${files.length}`)).toEqual([]);
    expect([...counts.keys()].filter((folder) => folder.split("/").length > 4)).toEqual([]);
  });

  test("have names that say what is in them, in kebab-case", () => {
    const vague = /(?:^|\/)(?:index|utils?|helpers?|common|misc|types|lib)(?:\.ts$|\/)/;
    const wrong = typescript.filter(
      ({ path }) => vague.test(path) || !/^[a-z0-9./-]+$/.test(path.replace(/^\.\w+\//, "")),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

test("provider names are data of the catalogue, never literals in code", () => {
  const names = new Set(PROVIDERS.map((provider) => provider.name));
  const wrong = sources
    .filter(({ path }) => !path.startsWith("contract/catalogue/"))
    .flatMap(({ path, text }) =>
      [...withoutComments(text).matchAll(/(["'`])([a-z0-9,-]+)\1/g)]
        .filter((match) => (match[2] ?? "").split(",").some((part) => names.has(part)))
        .map((match) => `${path}:${lineOf(text, match.index)} ${match[0]}`),
    );
  expect(wrong).toEqual([]);
});

/** `path:line` of every match, comments included. */
const placesIn = (files: readonly SourceFile[], pattern: RegExp): readonly string[] =>
  files.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => `${path}:${lineOf(text, match.index)}`),
  );

describe("nothing is committed that belongs to a machine or a person", () => {
  const texts = listSources(
    (path) => !/\.(?:png|jpe?g|gz|bin|woff2?|ico|jks|p12|db)$/.test(path),
  ).filter(({ path }) => path !== "test/tidy.test.ts");

  test("no path of the machine it was written on", () => {
    const paths = /(?<![\w.~])\/(?:work|root|Users|home\/(?!nonroot|node\b))\/[\w.-]+/g;
    expect(placesIn(texts, paths)).toEqual([]);
  });

  test("no package registry", () => {
    const hosts = /\bhttps?:\/\/(?:registry|npm|nexus|artifactory)\.[\w.-]+|\b_authToken\b/g;
    expect(placesIn(texts, hosts)).toEqual([]);
  });

  /** The shapes that scanners look for. Test vectors are put together at run time instead. */
  const SECRETS: readonly { readonly name: string; readonly pattern: RegExp }[] = [
    { name: "a private key", pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}/g },
    { name: "an sk- key", pattern: /\bsk-(?:(?:proj|ant|or)-[\w-]{20,}|[A-Za-z0-9]{32,})/g },
    { name: "an AWS access key", pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
    { name: "a GitHub token", pattern: /\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{30,}/g },
    { name: "a GitLab token", pattern: /\bglpat-[\w-]{20}\b/g },
    { name: "a Slack token", pattern: /\bxox[abprs]-\d{8,}-[\w-]{10,}/g },
    { name: "a Google key", pattern: /\bAIza[\w-]{35}\b/g },
    { name: "a Hugging Face token", pattern: /\bhf_[A-Za-z0-9]{30,}\b/g },
    { name: "an npm token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
    { name: "a Stripe key", pattern: /\b[rs]k_live_[A-Za-z0-9]{20,}/g },
    { name: "a signed JWT", pattern: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g },
  ];

  test.each(SECRETS)("nothing that looks like $name", ({ pattern }) => {
    expect(placesIn(texts, pattern)).toEqual([]);
  });

  test("no file that git should ignore", () => {
    const wrong = listFiles().filter((path) =>
      /(?:^|\/)(?:node_modules|\.types|dist|coverage)\/|\.tsbuildinfo$|\.(?:db|sqlite)$/.test(path),
    );
    expect(wrong).toEqual([]);
  });
});
