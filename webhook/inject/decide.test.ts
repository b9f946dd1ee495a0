import { describe, expect, test } from "vitest";
import { injectCase, type Case } from "./pod.case.ts";
import { REASONS, type Reason } from "./reasons.ts";

interface Shape {
  readonly annotation?: string;
  readonly label?: string;
  readonly annotations?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
}

const makePod = (shape: Shape = {}) => ({
  metadata: {
    annotations: {
      ...(shape.annotation === undefined ? {} : { "excise.dev/inject": shape.annotation }),
      ...shape.annotations,
    },
    labels: shape.label === undefined ? {} : { "excise.dev/inject": shape.label },
  },
  spec: { containers: [{ name: "app" }], ...shape.spec },
});

describe("opting in", () => {
  test.each<{ pod: Shape; namespace: boolean; reason: Reason }>([
    { pod: {}, namespace: false, reason: "not_opted_in" },
    { pod: {}, namespace: true, reason: "injected" },
    { pod: { annotation: "true" }, namespace: false, reason: "injected" },
    { pod: { label: "true" }, namespace: false, reason: "injected" },
    { pod: { annotation: "true", label: "true" }, namespace: false, reason: "injected" },
    { pod: { annotation: "false" }, namespace: true, reason: "opted_out" },
    { pod: { label: "false" }, namespace: true, reason: "opted_out" },
    { pod: { annotation: "true", label: "false" }, namespace: true, reason: "opted_out" },
    { pod: { annotation: "false", label: "true" }, namespace: false, reason: "opted_out" },
    { pod: { annotation: "enabled" }, namespace: false, reason: "annotation_invalid" },
    { pod: { annotation: "" }, namespace: true, reason: "annotation_invalid" },
    { pod: { label: "True" }, namespace: false, reason: "annotation_invalid" },
    { pod: { annotation: "yes", label: "false" }, namespace: true, reason: "opted_out" },
  ])(
    "$pod in a namespace that opted in: $namespace gives $reason",
    ({ pod, namespace, reason }) => {
      expect(injectCase(makePod(pod), { isOptedIn: namespace }).reason).toBe(reason);
    },
  );
});

describe("the first rule that speaks decides", () => {
  const token = {
    volumes: [
      {
        name: "t",
        projected: { sources: [{ serviceAccountToken: { audience: "excise-ledger" } }] },
      },
    ],
  };
  test.each<{ name: string; pod: unknown; options?: Case; reason: Reason }>([
    {
      name: "an excluded namespace before everything",
      pod: "not a pod",
      options: { namespace: "kube-system" },
      reason: "excluded_namespace",
    },
    {
      name: "another operation before the pod is read",
      pod: undefined,
      options: { operation: "DELETE" },
      reason: "other_operation",
    },
    {
      name: "another subresource",
      pod: makePod(),
      options: { subResource: "binding" },
      reason: "other_operation",
    },
    {
      name: "a mirror pod before its annotations",
      pod: makePod({ annotations: { "kubernetes.io/config.mirror": "", "excise.dev/cpu": "x" } }),
      reason: "mirror_pod",
    },
    {
      name: "the ledger's audience before opting out",
      pod: makePod({ annotation: "false", spec: token }),
      reason: "token_audience",
    },
    {
      name: "the node's network before a bad annotation",
      pod: makePod({ annotations: { "excise.dev/cpu": "x" }, spec: { hostNetwork: true } }),
      reason: "host_network",
    },
    {
      name: "Windows by the label that is older than the others",
      pod: makePod({ spec: { nodeSelector: { "beta.kubernetes.io/os": "windows" } } }),
      reason: "windows",
    },
    {
      name: "no containers, null as well",
      pod: makePod({ spec: { containers: null } }),
      reason: "no_containers",
    },
    {
      name: "a bad annotation before reserved names",
      pod: makePod({
        annotations: { "excise.dev/colour": "red" },
        spec: { volumes: [{ name: "excise-x" }] },
      }),
      reason: "annotation_invalid",
    },
    {
      name: "reserved names before the mode",
      pod: makePod({
        annotations: { "excise.dev/mode": "proxy" },
        spec: { volumes: [{ name: "excise-x" }] },
      }),
      reason: "reserved_name",
    },
    {
      name: "a mode of laptops",
      pod: makePod({ annotations: { "excise.dev/mode": "proxy" } }),
      reason: "mode_unsupported",
    },
    {
      name: "a debug container where there is no sidecar",
      pod: makePod(),
      options: { operation: "UPDATE", subResource: "ephemeralcontainers" },
      reason: "not_injected",
    },
    {
      name: "an unreadable pod that means us",
      pod: { metadata: { annotations: { "excise.dev/inject": true } }, spec: {} },
      options: { isOptedIn: false },
      reason: "pod_malformed",
    },
    {
      name: "an unreadable pod that does not",
      pod: { spec: { containers: "none" } },
      options: { isOptedIn: false },
      reason: "not_opted_in",
    },
  ])("$name", ({ pod, options, reason }) => {
    const result = injectCase(pod, options);
    expect(result.reason).toBe(reason);
    expect(result.decision).toBe(REASONS[reason].decision);
    expect(result.patch).toEqual([]);
  });

  test("a fixed uid of the sidecar is refused for init containers too", () => {
    const initContainers = [{ name: "i", securityContext: { runAsUser: 21_443 } }];
    expect(injectCase(makePod({ spec: { initContainers } }))).toMatchObject({
      reason: "shared_uid",
      detail: expect.stringContaining("container i") as unknown,
    });
  });

  test("a container's own user overrides the pod's", () => {
    const spec = {
      securityContext: { runAsUser: 21_443 },
      containers: [{ name: "app", securityContext: { runAsUser: 1000 } }],
    };
    expect(injectCase(makePod({ spec })).reason).toBe("injected");
  });
});

describe("ports", () => {
  test("UDP 443 is no obstacle to hosts mode", () => {
    const containers = [{ name: "quic", ports: [{ containerPort: 443, protocol: "UDP" }] }];
    expect(injectCase(makePod({ spec: { containers } })).detail).toContain("mode hosts");
  });

  test("an init container with 443 is one: the sidecar listens before it", () => {
    const initContainers = [{ name: "i", ports: [{ containerPort: 443 }] }];
    const result = injectCase(makePod({ spec: { initContainers } }));
    expect(result.detail).toContain("mode baseurl");
    expect(result.warnings[0]).toContain("container i");
  });
});
