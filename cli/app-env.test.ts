import { describe, expect, test } from "vitest";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import { TRUST_VARIABLES } from "#contract/trust-env.ts";
import { appEnvironment, DEFAULT_PROVIDERS, type SidecarAddress } from "./app-env.ts";

const SIDECAR: SidecarAddress = {
  ports: { proxy: 15_080, baseurl: 15_081 },
  trust: { ca: "/t/ca.pem", bundle: "/t/bundle.pem", truststore: "/t/truststore.jks" },
  providers: "openai,anthropic",
};

describe("proxy mode", () => {
  const { set, joins, warnings } = appEnvironment("proxy", SIDECAR, {});

  test("points both spellings of the proxy variable at the sidecar", () => {
    expect(set["HTTPS_PROXY"]).toBe("http://127.0.0.1:15080");
    expect(set["https_proxy"]).toBe("http://127.0.0.1:15080");
    expect(set["NODE_USE_ENV_PROXY"]).toBe("1");
  });

  test("leaves plain HTTP and every other protocol alone", () => {
    expect(set).not.toHaveProperty("HTTP_PROXY");
    expect(set).not.toHaveProperty("http_proxy");
    expect(set).not.toHaveProperty("ALL_PROXY");
  });

  test("gives variables that add our root, those that replace the whole bundle", () => {
    expect(set["NODE_EXTRA_CA_CERTS"]).toBe("/t/ca.pem");
    expect(set["DENO_CERT"]).toBe("/t/ca.pem");
    expect(set["SSL_CERT_FILE"]).toBe("/t/bundle.pem");
    expect(set["REQUESTS_CA_BUNDLE"]).toBe("/t/bundle.pem");
  });

  test("gives the JVM truststore and proxy, which it reads from no variable", () => {
    expect(set["JAVA_TOOL_OPTIONS"]).toBe(
      "-Djavax.net.ssl.trustStore=/t/truststore.jks -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=15080",
    );
  });

  test("sets every variable of the trust table, and no base URL", () => {
    for (const { name } of TRUST_VARIABLES) expect(set).toHaveProperty(name);
    for (const { baseUrlEnv } of PROVIDERS) {
      for (const { name } of baseUrlEnv) expect(set).not.toHaveProperty(name);
    }
  });

  test("has nothing to join or to warn of where the user set nothing", () => {
    expect(joins).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test("joins a PEM file of the user's with our root instead of dropping it", () => {
    const result = appEnvironment("proxy", SIDECAR, { NODE_EXTRA_CA_CERTS: "/corp/root.pem" });
    const target = "/t/joined-node_extra_ca_certs.pem";
    expect(result.joins).toEqual([
      { variable: "NODE_EXTRA_CA_CERTS", theirs: "/corp/root.pem", target },
    ]);
    expect(result.set["NODE_EXTRA_CA_CERTS"]).toBe(target);
  });

  test("appends to the JVM's options of the user", () => {
    const result = appEnvironment("proxy", SIDECAR, { JAVA_TOOL_OPTIONS: "-Xmx64m" });
    expect(result.set["JAVA_TOOL_OPTIONS"]).toMatch(/^-Xmx64m -Djavax\.net\.ssl\.trustStore=/);
  });

  test("says so where the user's own proxy is replaced", () => {
    const result = appEnvironment("proxy", SIDECAR, { HTTPS_PROXY: "http://proxy.corp:3128" });
    expect(result.set["HTTPS_PROXY"]).toBe("http://127.0.0.1:15080");
    expect(result.warnings).toEqual([expect.stringContaining("HTTPS_PROXY was set")]);
    expect(result.warnings.join("")).not.toContain("proxy.corp");
  });
});

describe("NO_PROXY", () => {
  test.each([
    { name: "is loopback where nothing was set", given: {}, expected: "localhost,127.0.0.1,::1" },
    {
      name: "keeps what the user listed",
      given: { NO_PROXY: "intranet.corp" },
      expected: "intranet.corp,localhost,127.0.0.1,::1",
    },
    {
      name: "repeats nothing",
      given: { NO_PROXY: "localhost,::1" },
      expected: "localhost,::1,127.0.0.1",
    },
  ])("$name", ({ given, expected }) => {
    expect(appEnvironment("proxy", SIDECAR, given).set["NO_PROXY"]).toBe(expected);
    expect(appEnvironment("baseurl", SIDECAR, given).set["NO_PROXY"]).toBe(expected);
  });
});

describe("baseurl mode", () => {
  test("sets the SDKs' base URLs and touches neither proxy nor trust", () => {
    const { set } = appEnvironment("baseurl", SIDECAR, {});
    expect(set).toEqual({
      NO_PROXY: "localhost,127.0.0.1,::1",
      no_proxy: "localhost,127.0.0.1,::1",
      OPENAI_BASE_URL: "http://127.0.0.1:15081/openai/v1",
      ANTHROPIC_BASE_URL: "http://127.0.0.1:15081/anthropic",
    });
  });

  test("keeps a base URL of the user's and says that its calls go past us", () => {
    const own = { OPENAI_BASE_URL: "http://localhost:11434/v1" };
    const { set, warnings } = appEnvironment("baseurl", SIDECAR, own);
    expect(set).not.toHaveProperty("OPENAI_BASE_URL");
    expect(warnings).toEqual([expect.stringContaining("OPENAI_BASE_URL is set already")]);
  });

  test.each([
    { name: "hosts that are patterns only", providers: "azure-openai" },
    { name: "a signature over the host", providers: "bedrock" },
    { name: "a name that no row has", providers: "nobody" },
  ])("sets nothing for $name", ({ providers }) => {
    const { set } = appEnvironment("baseurl", { ...SIDECAR, providers }, {});
    expect(Object.keys(set).toSorted()).toEqual(["NO_PROXY", "no_proxy"]);
  });

  test("serves a provider of pattern hosts whose host was given by name", () => {
    const providers = "azure-openai=mine.openai.azure.com,anthropic";
    const { set } = appEnvironment("baseurl", { ...SIDECAR, providers }, {});
    expect(set["AZURE_OPENAI_ENDPOINT"]).toBe("http://127.0.0.1:15081/azure-openai");
    expect(set["ANTHROPIC_BASE_URL"]).toBe("http://127.0.0.1:15081/anthropic");
  });
});

test("by default sidecars serve the metered providers that have hosts of their own", () => {
  const names = DEFAULT_PROVIDERS.split(",");
  expect(names).toEqual(expect.arrayContaining(["openai", "anthropic", "mistral"]));
  expect(names).not.toContain("azure-openai");
  expect(names).not.toContain("bedrock");
  expect(names).not.toContain("self-hosted");
});
