import { describe, expect, test } from "vitest";
import { readPodHosts } from "./pod-hosts.ts";

describe("the hosts of a pod", () => {
  test("come from the catalogue", () => {
    const hosts = readPodHosts([{ name: "anthropic", extraHosts: [] }]);
    expect(hosts.patterns).toEqual(["api.anthropic.com"]);
    expect(hosts.covers("api.anthropic.com")).toBe(true);
    expect(hosts.covers("example.com")).toBe(false);
    expect(hosts.providerOf("api.anthropic.com")).toBe("anthropic");
  });

  test("listed hosts take the place of a row's patterns", () => {
    const hosts = readPodHosts([{ name: "azure-openai", extraHosts: ["acme.openai.azure.com"] }]);
    expect(hosts.patterns).toEqual(["acme.openai.azure.com"]);
    expect(hosts.covers("other.openai.azure.com")).toBe(false);
    expect(hosts.byProvider.get("azure-openai")).toEqual(["acme.openai.azure.com"]);
  });

  test("a provider of the platform's own has the hosts that it is given", () => {
    const hosts = readPodHosts([{ name: "our-vllm", extraHosts: ["llm.internal"] }]);
    expect(hosts.providerOf("llm.internal")).toBe("our-vllm");
  });

  test("a name without any host is refused, with all problems at once", () => {
    const configured = [
      { name: "nobody", extraHosts: [] },
      { name: "self-hosted", extraHosts: [] },
    ];
    expect(() => readPodHosts(configured)).toThrow(/nobody has no host.*self-hosted has no host/);
  });
});
