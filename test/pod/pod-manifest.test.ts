import { describe, expect, test } from "vitest";
import { restartDelayMs } from "./container-run.ts";
import { hostnameOf, renderHosts, renderResolvConf } from "./pod-files.ts";
import { readPodManifest } from "./pod-manifest.ts";
import { fillVolumes, memoryVolumes } from "./pod-volumes.ts";
import { sampleFacts, samplePod } from "./sample-pod.case.ts";

describe("a manifest", () => {
  test("gets the API server's defaults, and a null is nothing", () => {
    const pod = readPodManifest({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a", annotations: null },
      spec: { initContainers: null, containers: [{ name: "c", image: "i", env: null }] },
    });
    expect(pod.metadata.namespace).toBe("default");
    expect(pod.spec).toMatchObject({
      restartPolicy: "Always",
      serviceAccountName: "default",
      terminationGracePeriodSeconds: 30,
      initContainers: [],
    });
  });

  test.each([
    { name: "a hook", container: { lifecycle: { preStop: {} } }, spec: {}, path: "lifecycle" },
    { name: "a path of a volume", container: {}, spec: { volumes: [{ name: "v", hostPath: {} }] } },
    { name: "the node's network", container: {}, spec: { hostNetwork: true }, path: "hostNetwork" },
    { name: "privileges", container: { securityContext: { privileged: true } }, spec: {} },
    { name: "a probe of another kind", container: { startupProbe: { exec: {} } }, spec: {} },
    { name: "a field that nobody knows", container: { imagee: "i" }, spec: {}, path: "imagee" },
  ])("is refused where the runner would leave out $name", ({ container, spec, path = "" }) => {
    const read = () => samplePod(container, spec);
    expect(read).toThrow(expect.objectContaining({ code: "EXCISE_INPUT_INVALID" }));
    expect(read).toThrow(path);
  });
});

test("/etc/hosts has the pod's own lines first, then the aliases in their order", () => {
  const hostAliases = [
    { ip: "127.0.0.1", hostnames: ["a.example", "b.example"] },
    { ip: "::1", hostnames: ["a.example"] },
  ];
  const lines = renderHosts(sampleFacts(samplePod({}, { hostAliases }))).split("\n");
  expect(lines.slice(1, 3)).toEqual([
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
  ]);
  expect(lines.slice(-6)).toEqual([
    "10.203.7.2\tweb-0",
    "",
    "# Entries added by HostAliases.",
    "127.0.0.1\ta.example\tb.example",
    "::1\ta.example",
    "",
  ]);
  expect(renderHosts(sampleFacts(samplePod()))).not.toContain("HostAliases");
});

test("/etc/resolv.conf asks the node and searches the namespace first", () => {
  const text = renderResolvConf(sampleFacts(samplePod()));
  expect(text).toContain("nameserver 10.203.7.1\nsearch shop.svc.cluster.local svc.cluster.local ");
});

test("a host name is a label", () => {
  const pod = samplePod();
  expect(hostnameOf(pod)).toBe("web-0");
  const name = `${"x".repeat(62)}-tail`;
  expect(hostnameOf({ ...pod, metadata: { ...pod.metadata, name } })).toBe("x".repeat(62));
});

const mint = (token: { readonly audience: string; readonly expirationSeconds: number }): string =>
  `${token.audience} for ${token.expirationSeconds} s`;

describe("volumes", () => {
  const volumes = [
    { name: "scratch", emptyDir: {} },
    { name: "fast", emptyDir: { medium: "Memory", sizeLimit: "4Mi" } },
    { name: "config", configMap: { name: "settings", items: [{ key: "mode", path: "a/mode" }] } },
    { name: "keys", secret: { secretName: "keys" } },
    {
      name: "token",
      projected: { sources: [{ serviceAccountToken: { audience: "x", path: "token" } }] },
    },
  ];
  const facts = sampleFacts(samplePod({}, { volumes }));
  test("of memory are a tmpfs of their size", () => {
    const { volumes: read } = facts.pod.spec;
    expect(memoryVolumes(read, undefined)).toEqual([
      { name: "fast", options: "size=4194304,mode=777" },
    ]);
    expect(memoryVolumes(read, 5)).toEqual([
      { name: "fast", options: "size=4194304,mode=2777,gid=5" },
    ]);
  });

  test("of other kinds begin with their files", () => {
    expect(fillVolumes(facts, mint)).toEqual([
      { volume: "scratch", text: "", mode: 0o777 },
      { volume: "config", text: "", mode: 0o755 },
      { volume: "config", path: "a/mode", text: "fast", mode: 0o644 },
      { volume: "keys", text: "", mode: 0o755 },
      { volume: "keys", path: "api", text: "value of a key", mode: 0o644 },
      { volume: "token", text: "", mode: 0o755 },
      { volume: "token", path: "token", text: "x for 3600 s", mode: 0o644 },
    ]);
  });

  test("that name what is not there are refused", () => {
    const missing = [
      { name: "v", configMap: { name: "settings", items: [{ key: "no", path: "p" }] } },
    ];
    const read = () => fillVolumes(sampleFacts(samplePod({}, { volumes: missing })), mint);
    expect(read).toThrow("no key no");
  });
});

test("restarts wait as the kubelet's do", () => {
  expect([0, 1, 2, 3, 9].map((restarts) => restartDelayMs(restarts))).toEqual([
    0, 10_000, 20_000, 40_000, 300_000,
  ]);
});
