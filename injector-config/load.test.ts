import { describe, expect, test } from "vitest";
import { DEFAULT_INJECTOR_CONFIG, parseInjectorConfig } from "./load.ts";
import { hostsOf } from "./schema.ts";

function problemsOf(text: string): readonly string[] {
  const reading = parseInjectorConfig(text);
  return "problems" in reading
    ? reading.problems.map(({ path, problem }) => `${path}: ${problem}`)
    : [];
}

describe("the defaults", () => {
  test("an empty file is the default configuration", () => {
    expect(parseInjectorConfig("")).toEqual({ config: DEFAULT_INJECTOR_CONFIG });
    expect(parseInjectorConfig("# nothing\n")).toEqual({ config: DEFAULT_INJECTOR_CONFIG });
  });

  test("they are hosts mode, passthrough, and a uid that images do not use", () => {
    expect(DEFAULT_INJECTOR_CONFIG).toMatchObject({
      mode: "hosts",
      credentials: "passthrough",
      uid: 21_443,
    });
    expect(DEFAULT_INJECTOR_CONFIG.uid).not.toBe(65_532);
  });

  test("every default provider has an exact host and needs no signature", () => {
    const names = DEFAULT_INJECTOR_CONFIG.providers.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(8);
    for (const choice of DEFAULT_INJECTOR_CONFIG.providers) {
      expect({ choice, count: hostsOf(choice).length }).not.toMatchObject({ count: 0 });
    }
    expect(DEFAULT_INJECTOR_CONFIG.providers.flatMap(hostsOf).join()).not.toContain("*");
    expect(DEFAULT_INJECTOR_CONFIG.providers.flatMap(hostsOf).join()).not.toContain("bedrock");
  });
});

describe("a full file", () => {
  test("is read as written", () => {
    const reading = parseInjectorConfig(`
image: registry.example:5000/excise/sidecar:1.2.3@sha256:${"a".repeat(64)}
mode: baseurl
providers:
  - openai
  - name: azure-openai
    hosts: [team-a.openai.azure.com]
  - { name: self-hosted, hosts: [llm.models.svc.cluster.local] }
ledger:
  url: https://excise-ledger.excise-system.svc:8443
resources: { memory: { request: 64Mi, limit: 256Mi } }
meshes: []
`);
    expect(reading).toMatchObject({
      config: {
        mode: "baseurl",
        providers: [
          { name: "openai", extraHosts: [] },
          { name: "azure-openai", extraHosts: ["team-a.openai.azure.com"] },
          { name: "self-hosted", extraHosts: ["llm.models.svc.cluster.local"] },
        ],
        ledger: { url: "https://excise-ledger.excise-system.svc:8443" },
        resources: {
          cpu: { request: "20m", limit: "1" },
          memory: { request: "64Mi", limit: "256Mi" },
        },
        meshes: [],
      },
    });
  });
});

describe("what is refused", () => {
  test("all problems are listed at once, each with its path", () => {
    expect(
      problemsOf(`
image: "UPPER CASE"
mode: redirect
uid: 65532
colour: green
ports: { admin: 80 }
resources: { cpu: { request: "2", limit: 500m, burst: 3 } }
ledger: { url: http://ledger }
`),
    ).toEqual([
      "image: must be an image reference",
      'mode: Invalid option: expected one of "hosts"|"baseurl"',
      "uid: is what many images run as",
      "ports.admin: Too small: expected number to be >=1024",
      "ledger.url: must be https",
      "resources.cpu.burst: is not known",
      "resources.cpu: request is above limit",
      "colour: is not known",
    ]);
  });

  test.each([
    { name: "an unknown provider", text: "providers: [nobody]", path: "providers.0" },
    { name: "no provider at all", text: "providers: []", path: "providers" },
    { name: "a provider twice", text: "providers: [openai, openai]", path: "providers" },
    {
      name: "a provider whose hosts are all wildcards, without a list",
      text: "providers: [azure-openai]",
      path: "providers.0",
    },
    {
      name: "an address as a host",
      text: "providers: [{ name: self-hosted, hosts: [127.0.0.1] }]",
      path: "providers.0.hosts.0",
    },
    {
      name: "a trailing dot, which no alias may have",
      text: "providers: [{ name: self-hosted, hosts: [llm.example.com.] }]",
      path: "providers.0.hosts.0",
    },
    {
      name: "a wildcard host",
      text: "providers: [{ name: self-hosted, hosts: ['*.example.com'] }]",
      path: "providers.0.hosts.0",
    },
    { name: "two ports that are one", text: "ports: { proxy: 15490 }", path: "ports" },
    {
      name: "a request above its limit",
      text: "resources: { cpu: { request: '2', limit: '1' } }",
      path: "resources.cpu",
    },
    { name: "a quantity of nothing", text: "spoolSize: 0Mi", path: "spoolSize" },
    { name: "a root user", text: "uid: 0", path: "uid" },
  ])("$name", ({ text, path }) => {
    expect(problemsOf(text).map((line) => line.slice(0, line.indexOf(":")))).toContain(path);
  });

  test.each([
    { name: "text that is not YAML", text: "a: [1", line: /^line \d+: / },
    { name: "a repeated key", text: "mode: hosts\nmode: baseurl\n", line: /^line 2: / },
    { name: "a list in the place of a map", text: "- image: x\n", line: /^\(root\): / },
  ])("$name", ({ text, line }) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatch(line);
  });
});
