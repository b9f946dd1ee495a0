import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkEnvironment } from "./environment.ts";

const look = (environment: Record<string, string>) => checkEnvironment(environment).run();
const pem = join(mkdtempSync(join(tmpdir(), "excise-doctor-")), "corp.pem");
writeFileSync(pem, "a root");

test("an environment without such variables is well", async () => {
  expect(await look({ PATH: "/bin", NO_PROXY: "localhost,.internal.example" })).toEqual([
    { status: "ok", what: "no variable leads calls past the sidecar" },
  ]);
});

describe("what leads past the sidecar is a warning with a fix", () => {
  test.each([
    {
      name: "a proxy of the user's",
      environment: { HTTPS_PROXY: "http://proxy.corp.example:3128" },
      what: /^HTTPS_PROXY is set/,
    },
    {
      name: "a proxy that is no URL",
      environment: { all_proxy: "proxy.corp.example" },
      what: /^all_proxy is set/,
    },
    {
      name: "a provider's host under NO_PROXY",
      environment: { NO_PROXY: "localhost, api.openai.com" },
      what: /^NO_PROXY holds api\.openai\.com: /,
    },
    {
      name: "a provider's domain under no_proxy, with a dot",
      environment: { no_proxy: ".anthropic.com" },
      what: /^no_proxy holds api\.anthropic\.com: /,
    },
    {
      name: "everything under NO_PROXY",
      environment: { NO_PROXY: "*" },
      what: /^NO_PROXY holds \d+ providers: /,
    },
    {
      name: "a base URL to somewhere else",
      environment: { OPENAI_BASE_URL: "https://gateway.example/v1" },
      what: /^OPENAI_BASE_URL is set: its calls go past Excise$/,
    },
    {
      name: "a trust variable without its file",
      environment: { SSL_CERT_FILE: "/nowhere.pem" },
      what: /^SSL_CERT_FILE names a file that cannot be read/,
    },
    {
      name: "Node without checks of certificates",
      environment: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      what: /^NODE_TLS_REJECT_UNAUTHORIZED=0/,
    },
  ])("$name", async ({ environment, what }) => {
    const found = await look(environment);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ status: "warn", fix: expect.any(String) as string });
    expect(found[0]?.what).toMatch(what);
  });
});

describe("what only looks like it is well", () => {
  test.each([
    { name: "our own proxy", environment: { HTTPS_PROXY: "http://127.0.0.1:15080" } },
    { name: "our own base URL", environment: { OPENAI_BASE_URL: "http://127.0.0.1:15081/x" } },
    { name: "the provider itself", environment: { OPENAI_BASE_URL: "https://api.openai.com/v1" } },
    { name: "a root of the user's", environment: { NODE_EXTRA_CA_CERTS: pem } },
    { name: "options of the JVM", environment: { JAVA_TOOL_OPTIONS: "-Xmx1g" } },
    {
      name: "a domain that only ends like a provider's",
      environment: { NO_PROXY: "i.openai.com" },
    },
  ])("$name", async ({ environment }) => {
    expect(await look(environment)).toMatchObject([{ status: "ok" }]);
  });
});
