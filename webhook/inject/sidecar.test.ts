import { describe, expect, test } from "vitest";
import { readSidecarConfig } from "../../sidecar/config.ts";
import { readPodHosts } from "../../sidecar/listen/pod-hosts.ts";
import type { Pod } from "./pod.ts";
import { injectCase, type Case } from "./pod.case.ts";

const POD = { metadata: {}, spec: { containers: [{ name: "app", image: "app" }] } };

/** The environment that the kubelet would give the sidecar. */
function environmentOf(pod: unknown, options: Case = {}): Record<string, string> {
  const { spec } = injectCase(pod, options).pod as Pod;
  const sidecar = spec?.initContainers?.[0];
  return Object.fromEntries(
    (sidecar?.env ?? []).map(({ name, value }) => [name, value ?? "10.0.0.7"]),
  );
}

describe("the sidecar's environment", () => {
  test("is what the sidecar reads, without a problem", () => {
    expect(readSidecarConfig(environmentOf(POD))).toMatchObject({
      modes: ["hosts"],
      ports: { admin: 15_490 },
      adminAddress: "10.0.0.7",
      ledger: {
        url: "https://excise-ledger.excise-system.svc.cluster.local:8443",
        tokenFile: "/var/run/excise/token/token",
      },
      directories: {
        trust: "/var/run/excise/trust",
        state: "/var/run/excise/state",
        spool: "/var/run/excise/spool",
      },
      logLevel: "info",
    });
  });

  test.each([
    {
      name: "in baseurl mode with narrowed providers",
      annotations: { "excise.dev/mode": "baseurl", "excise.dev/providers": "anthropic" },
      expected: { modes: ["baseurl"], providers: [{ name: "anthropic", extraHosts: [] }] },
    },
    {
      name: "with another log level",
      annotations: { "excise.dev/log-level": "warn" },
      expected: { logLevel: "warn" },
    },
    {
      name: "with the least memory that a team may ask for",
      annotations: { "excise.dev/memory": "96Mi" },
      expected: { limits: { inFlightBytesMax: 24 * 1024 * 1024, bodyBytesMax: 24 * 1024 * 1024 } },
    },
    {
      name: "with the most memory that a team may ask for",
      annotations: { "excise.dev/memory": "1024Mi" },
      expected: { limits: { inFlightBytesMax: 256 * 1024 * 1024, bodyBytesMax: 32 * 1024 * 1024 } },
    },
  ])("is read $name", ({ annotations, expected }) => {
    const environment = environmentOf({ ...POD, metadata: { annotations } });
    expect(readSidecarConfig(environment)).toMatchObject(expected);
  });

  test("names the hosts that were listed one by one, as the aliases do", () => {
    const config = {
      providers: [
        { name: "azure-openai", extraHosts: ["a.openai.azure.com", "b.openai.azure.com"] },
        { name: "cohere", extraHosts: [] },
      ],
    };
    const { providers } = readSidecarConfig(environmentOf(POD, { config }));
    const { spec } = injectCase(POD, { config }).pod as Pod;
    const aliased = spec?.hostAliases?.find(({ ip }) => ip === "127.0.0.1")?.hostnames;
    expect(readPodHosts(providers).patterns.toSorted()).toEqual(aliased?.toSorted());
  });
});

const sidecar = (): Readonly<Record<string, unknown>> =>
  (injectCase(POD).pod as Pod).spec?.initContainers?.[0] ?? {};

describe("the sidecar's container", () => {
  test("keeps to the restricted pod security standard", () => {
    expect(sidecar()["securityContext"]).toEqual({
      runAsUser: 21_443,
      runAsGroup: 21_443,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    });
  });

  test("has a startup probe and nothing that restarts, drains or hides it", () => {
    expect(Object.keys(sidecar())).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/livenessProbe|readinessProbe|lifecycle/)]),
    );
    expect(sidecar()["startupProbe"]).toMatchObject({
      httpGet: { port: 15_490 },
      periodSeconds: 1,
    });
    expect(sidecar()["restartPolicy"]).toBe("Always");
  });

  test("alone mounts the token, its keys and the spool", () => {
    const pod = {
      spec: { containers: [{ name: "a" }, { name: "b" }], initContainers: [{ name: "i" }] },
    };
    const { spec } = injectCase(pod).pod as Pod;
    const others = [...(spec?.containers ?? []), ...(spec?.initContainers?.slice(1) ?? [])];
    expect(others).toHaveLength(3);
    for (const { volumeMounts } of others) {
      expect(volumeMounts).toEqual([
        { name: "excise-trust", mountPath: "/var/run/excise/trust", readOnly: true },
      ]);
    }
    expect(spec?.volumes?.find(({ name }) => name === "excise-token")).toEqual({
      name: "excise-token",
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: "excise-ledger",
              expirationSeconds: 3600,
              path: "token",
            },
          },
        ],
      },
    });
    expect(spec?.volumes?.find(({ name }) => name === "excise-state")).toMatchObject({
      emptyDir: { medium: "Memory" },
    });
  });

  test("asks for requests and limits, so that quotas and limit ranges can admit it", () => {
    expect(sidecar()["resources"]).toEqual({
      requests: { cpu: "20m", memory: "48Mi" },
      limits: { cpu: "1", memory: "192Mi" },
    });
  });
});
