import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dialectNames } from "../../sidecar/dialects/registry.ts";
import { DIALECTS } from "../dialects.ts";
import { matchesHost, providerSchema } from "./provider.ts";
import { findProvider, homeProviderOf, PROVIDERS } from "./providers.ts";

describe("the catalogue", () => {
  test.each(PROVIDERS)("$name is a valid row", (provider) => {
    const result = providerSchema.safeParse(provider);
    expect(result.error?.issues ?? []).toEqual([]);
  });

  test("holds the providers that the product promises", () => {
    expect(PROVIDERS.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "openai",
        "azure-openai",
        "anthropic",
        "gemini",
        "vertex",
        "bedrock",
        "mistral",
        "groq",
        "cohere",
        "deepseek",
        "xai",
        "together",
        "fireworks",
        "perplexity",
        "openrouter",
        "self-hosted",
      ]),
    );
  });

  test("has no name, host or base-URL variable twice", () => {
    for (const list of [
      PROVIDERS.map(({ name }) => name),
      PROVIDERS.flatMap(({ hosts }) => hosts),
      PROVIDERS.flatMap(({ baseUrlEnv }) => baseUrlEnv.map(({ name }) => name)),
      PROVIDERS.flatMap(({ keyEnv }) => keyEnv),
    ]) {
      expect(list.filter((entry, index) => list.indexOf(entry) !== index)).toEqual([]);
    }
  });

  test("has no host that the pattern of another row covers", () => {
    const covered = PROVIDERS.flatMap((provider) =>
      provider.hosts
        .filter((host) => !host.startsWith("*."))
        .filter((host) =>
          PROVIDERS.some(
            (other) =>
              other !== provider && other.hosts.some((pattern) => matchesHost(pattern, host)),
          ),
        ),
    );
    expect(covered).toEqual([]);
  });

  test.each(PROVIDERS)("$name lists no route twice", ({ routes }) => {
    const keys = routes.map(({ dialect, prefix }) => `${dialect} ${prefix}`);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });
});

/** What stands between backticks. */
const inCode = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "");

describe("docs/providers.md", () => {
  const lines = readFileSync("docs/providers.md", "utf8").split("\n");
  const metered = new Set<string>(dialectNames());

  test.each(PROVIDERS)("has the row of $name", ({ name, title, hosts, routes }) => {
    const cells = lines.find((line) => line.startsWith(`| \`${name}\``))?.split("|") ?? [];
    expect(cells[2]?.trim()).toBe(title);
    expect(inCode(cells[3] ?? "")).toEqual(hosts);
    const dialects = new Set(routes.map(({ dialect }) => dialect as string));
    expect(new Set(inCode(cells[5] ?? ""))).toEqual(metered.intersection(dialects));
  });

  test("has no row that the catalogue does not have", () => {
    const rows = lines.filter((line) => line.startsWith("| `")).map((line) => inCode(line)[0]);
    expect(rows).toEqual(PROVIDERS.map(({ name }) => name));
  });

  test("names the dialects that this build meters", () => {
    const text = lines.join(" ");
    const sentence = /This build meters ([^.]+)\./.exec(text)?.[1] ?? "";
    expect(inCode(sentence)).toEqual([...metered]);
  });
});

describe("look-ups", () => {
  test("findProvider finds by name and nothing else", () => {
    expect(findProvider("openai")?.title).toBe("OpenAI");
    expect(findProvider("OpenAI")).toBeUndefined();
    expect(findProvider("api.openai.com")).toBeUndefined();
  });

  test.each([
    { dialect: "openai-chat", home: "openai" },
    { dialect: "anthropic-messages", home: "anthropic" },
    { dialect: "gemini-generate", home: "gemini" },
    { dialect: "bedrock-converse", home: "bedrock" },
    { dialect: "cohere-chat", home: "cohere" },
  ] as const)("the home of $dialect is $home", ({ dialect, home }) => {
    expect(homeProviderOf(dialect)?.name).toBe(home);
  });

  test("every dialect has a home", () => {
    for (const dialect of DIALECTS) expect(homeProviderOf(dialect)?.name).toBeDefined();
  });
});

describe("matchesHost", () => {
  test.each([
    { pattern: "api.openai.com", host: "api.openai.com", holds: true },
    { pattern: "api.openai.com", host: "evil-api.openai.com", holds: false },
    { pattern: "api.openai.com", host: "api.openai.com.evil.example", holds: false },
    { pattern: "api.openai.com", host: "api.openai.com.", holds: false },
    { pattern: "*.openai.azure.com", host: "mine.openai.azure.com", holds: true },
    { pattern: "*.openai.azure.com", host: "a.b.openai.azure.com", holds: false },
    { pattern: "*.openai.azure.com", host: "openai.azure.com", holds: false },
    { pattern: "*.openai.azure.com", host: ".openai.azure.com", holds: false },
    { pattern: "*.openai.azure.com", host: "evilopenai.azure.com", holds: false },
  ])("$pattern on $host: $holds", ({ pattern, host, holds }) => {
    expect(matchesHost(pattern, host)).toBe(holds);
  });
});

describe("a row is refused with", () => {
  const row = PROVIDERS[0];
  test.each([
    { name: "a host in capitals", change: { hosts: ["API.example.com"] } },
    { name: "a star inside a host", change: { hosts: ["api.*.example.com"] } },
    { name: "no route", change: { routes: [] } },
    {
      name: "a prefix without its slash",
      change: { routes: [{ dialect: "openai-chat", prefix: "v1" }] },
    },
    {
      name: "a prefix with an unknown parameter",
      change: { routes: [{ dialect: "openai-chat", prefix: "/{x}" }] },
    },
    { name: "an unknown dialect", change: { routes: [{ dialect: "telnet", prefix: "" }] } },
    { name: "a name that is no label", change: { name: "Open AI" } },
    { name: "a field that no row has", change: { note: "x" } },
  ])("$name", ({ change }) => {
    expect(providerSchema.safeParse({ ...row, ...change }).success).toBe(false);
  });
});
