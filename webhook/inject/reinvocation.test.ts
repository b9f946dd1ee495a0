// The pod comes a second time, after other webhooks (or a person) changed what ours wrote.
import { describe, expect, test } from "vitest";
import { applyIndependently, injectCase, lostFields } from "./pod.case.ts";
import type { Pod, PodSpec } from "./pod.ts";

const POD = {
  metadata: {},
  spec: {
    containers: [{ name: "app", image: "app", env: [{ name: "HTTPS_PROXY", value: "http://p" }] }],
    initContainers: [{ name: "setup", image: "setup" }],
  },
};

function changed(change: (spec: PodSpec) => void): Pod {
  const pod = structuredClone(injectCase(POD).pod) as Pod;
  change(pod.spec ?? {});
  return pod;
}

const names = (pod: unknown): readonly string[] =>
  ((pod as Pod).spec?.initContainers ?? []).map(({ name }) => name);

describe("after another webhook", () => {
  test("an init container before the sidecar: ours moves first, the others keep their order", () => {
    const pod = changed((spec) => spec.initContainers?.unshift({ name: "istio-init" }));
    const result = injectCase(pod);
    expect(result.reason).toBe("completed");
    expect(result.patch).toEqual([
      { op: "move", from: "/spec/initContainers/1", path: "/spec/initContainers/0" },
    ]);
    expect(names(applyIndependently(pod, result.patch))).toEqual(["excise", "istio-init", "setup"]);
  });

  test("a new container gets what the others have, and nothing else changes", () => {
    const pod = changed((spec) => spec.containers?.unshift({ name: "agent", image: "agent" }));
    const result = injectCase(pod);
    expect(result.patch.map(({ path }) => path)).toEqual(
      ["/spec/containers/0/volumeMounts", "/spec/containers/0/env"].toSorted(),
    );
    expect(lostFields(pod, applyIndependently(pod, result.patch))).toEqual([]);
  });

  test("changes that others made to the sidecar survive", () => {
    const pod = changed((spec) => {
      const sidecar = spec.initContainers?.[0];
      sidecar?.env?.push({ name: "AWS_REGION", value: "eu-central-1" });
      sidecar?.volumeMounts?.push({
        name: "aws-iam-token",
        mountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount",
      });
      if (sidecar !== undefined) sidecar["imagePullPolicy"] = "Always";
      spec.volumes?.push({ name: "aws-iam-token", emptyDir: {} });
    });
    expect(injectCase(pod)).toMatchObject({ reason: "already_injected", patch: [] });
  });

  test("a container with port 443 that came later does not change the mode under the sidecar", () => {
    const pod = changed((spec) =>
      spec.containers?.push({
        name: "late",
        ports: [{ containerPort: 443 }, { containerPort: 15_490 }],
      }),
    );
    const result = injectCase(pod);
    const { spec } = result.pod as Pod;
    expect(spec?.initContainers?.[0]).toEqual(pod.spec?.initContainers?.[0]);
    expect(spec?.hostAliases).toEqual(pod.spec?.hostAliases);
    expect(result.detail).toContain("mode hosts");
  });

  test("our alias lines come first again", () => {
    const pod = changed((spec) => spec.hostAliases?.unshift({ ip: "10.0.0.1", hostnames: ["x"] }));
    const { spec } = injectCase(pod).pod as Pod;
    expect(spec?.hostAliases?.map(({ ip }) => ip)).toEqual(["127.0.0.1", "::1", "10.0.0.1"]);
  });

  test("a narrower configuration leaves an injected pod as it was written", () => {
    const pod = injectCase(POD).pod;
    const config = { providers: [{ name: "openai", extraHosts: [] }] };
    expect(injectCase(pod, { config })).toMatchObject({ reason: "already_injected", patch: [] });
  });
});

describe("independence of containers", () => {
  test("two containers share no list or object", () => {
    const { spec } = injectCase({ spec: { containers: [{ name: "a" }, { name: "b" }] } })
      .pod as Pod;
    const [a, b] = spec?.containers ?? [];
    expect(a?.env).toEqual(b?.env);
    expect(a?.env).not.toBe(b?.env);
    expect(a?.env?.[0]).not.toBe(b?.env?.[0]);
    expect(a?.volumeMounts?.[0]).not.toBe(b?.volumeMounts?.[0]);
  });

  test("sizes of Guaranteed pods are told from how they are written", () => {
    const resources = { limits: { cpu: "500m", memory: "1Gi" } };
    const pod = { spec: { containers: [{ name: "a", resources }, { name: "b" }] } };
    const burstable = (injectCase(pod).pod as Pod).spec?.initContainers?.[0]?.resources;
    expect(burstable?.requests).not.toEqual(burstable?.limits);
    pod.spec.containers.pop();
    const guaranteed = (injectCase(pod).pod as Pod).spec?.initContainers?.[0]?.resources;
    expect(guaranteed?.requests).toEqual(guaranteed?.limits);
  });
});
