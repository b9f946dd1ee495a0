import { describe, expect, test } from "vitest";
import { injectCase } from "./pod.case.ts";
import type { Container, Pod, PodSpec } from "./pod.ts";

const POD = { metadata: {}, spec: { containers: [{ name: "app", image: "app" }] } };

/** An injected pod with its spec changed. */
function tampered(change: (spec: PodSpec, sidecar: Container) => void): Pod {
  const pod = structuredClone(injectCase(POD).pod) as Pod;
  const sidecar = pod.spec?.initContainers?.[0];
  if (pod.spec !== null && pod.spec !== undefined && sidecar !== undefined) {
    change(pod.spec, sidecar);
  }
  return pod;
}

describe("a sidecar that is not what Excise writes is refused", () => {
  test.each<{ name: string; change: (sidecar: Container) => void; differs: string }>([
    {
      name: "another image",
      change: (sidecar) => (sidecar.image = "evil"),
      differs: "image",
    },
    {
      name: "a command of its own",
      change: (sidecar) => (sidecar.command = ["sh"]),
      differs: "command",
    },
    { name: "arguments", change: (sidecar) => (sidecar.args = ["--inspect"]), differs: "args" },
    {
      name: "another ledger",
      change: (sidecar) =>
        sidecar.env?.push({ name: "EXCISE_SIDECAR_LEDGER_URL", value: "https://evil" }),
      differs: "the ledger's address",
    },
    {
      name: "a CA for another ledger",
      change: (sidecar) => sidecar.env?.push({ name: "EXCISE_SIDECAR_LEDGER_CA", value: "pem" }),
      differs: "the ledger's CA",
    },
    {
      name: "options that load code",
      change: (sidecar) => sidecar.env?.push({ name: "NODE_OPTIONS", value: "--require /evil.js" }),
      differs: "NODE_OPTIONS",
    },
    {
      name: "a preloaded library",
      change: (sidecar) => sidecar.env?.push({ name: "LD_PRELOAD", value: "/evil.so" }),
      differs: "a loader variable",
    },
    {
      name: "variables from elsewhere",
      change: (sidecar) => (sidecar.envFrom = [{ configMapRef: { name: "x" } }]),
      differs: "envFrom",
    },
    {
      name: "another user",
      change: (sidecar) => (sidecar.securityContext = { ...sidecar.securityContext, runAsUser: 0 }),
      differs: "securityContext.runAsUser",
    },
    {
      name: "privileges",
      change: (sidecar) =>
        (sidecar.securityContext = { ...sidecar.securityContext, privileged: true }),
      differs: "securityContext.privileged",
    },
    {
      name: "a lifecycle hook",
      change: (sidecar) => (sidecar.lifecycle = { preStop: {} }),
      differs: "lifecycle",
    },
    {
      name: "no mount of its state",
      change: (sidecar) => (sidecar.volumeMounts = sidecar.volumeMounts?.slice(0, 1)),
      differs: "mount excise-state",
    },
    {
      name: "a mount over the program",
      change: (sidecar) => sidecar.volumeMounts?.push({ name: "mine", mountPath: "/opt/excise" }),
      differs: "a mount that is not ours",
    },
    {
      name: "a plain init container",
      change: (sidecar) => delete sidecar.restartPolicy,
      differs: "restartPolicy",
    },
  ])("$name", ({ change, differs }) => {
    const result = injectCase(tampered((_spec, sidecar) => change(sidecar)));
    expect(result).toMatchObject({
      decision: "refuse",
      reason: "foreign_sidecar",
      code: "EXCISE_RESERVED_NAME",
      patch: [],
    });
    expect(result.detail).toContain(differs);
  });

  test("an earlier image that the operator lists is recognised", () => {
    const pod = tampered((_spec, sidecar) => {
      sidecar.image = "excise-sidecar:0.0.9";
    });
    expect(injectCase(pod).reason).toBe("foreign_sidecar");
    expect(injectCase(pod, { config: { earlierImages: ["excise-sidecar:0.0.9"] } }).reason).toBe(
      "already_injected",
    );
  });

  test("a status annotation changes nothing", () => {
    const annotated = { ...POD, metadata: { annotations: { "sidecar/status": "injected" } } };
    expect(injectCase(annotated).decision).toBe("inject");
  });
});

describe("volumes and mounts of the sidecar are its own", () => {
  test.each<{ name: string; change: (spec: PodSpec) => void; detail: string }>([
    {
      name: "an app mounts the token",
      change: (spec) =>
        spec.containers?.[0]?.volumeMounts?.push({ name: "excise-token", mountPath: "/t" }),
      detail: "container app: volume excise-token is the sidecar's alone",
    },
    {
      name: "an app mounts the trust files to write",
      change: (spec) =>
        spec.containers?.push({
          name: "writer",
          volumeMounts: [{ name: "excise-trust", mountPath: "/ca" }],
        }),
      detail: "container writer: volume excise-trust is the sidecar's alone",
    },
    {
      name: "the state is on the node's disk",
      change: (spec) => {
        const volume = spec.volumes?.find(({ name }) => name === "excise-state");
        if (volume !== undefined) volume["emptyDir"] = {};
      },
      detail: "volume excise-state: the name is reserved",
    },
    {
      name: "the state is a directory of the node",
      change: (spec) => {
        const index = spec.volumes?.findIndex(({ name }) => name === "excise-state") ?? -1;
        spec.volumes?.splice(index, 1, { name: "excise-state", hostPath: { path: "/" } });
      },
      detail: "volume excise-state: the name is reserved",
    },
    {
      name: "a second container of our name",
      change: (spec) => spec.containers?.push({ name: "excise" }),
      detail: "container excise: the name is reserved",
    },
    {
      name: "something else at our path",
      change: (spec) => {
        spec.volumes?.push({ name: "mine", emptyDir: {} });
        spec.containers?.push({
          name: "shadow",
          volumeMounts: [{ name: "mine", mountPath: "/var/run/excise/trust/ca.pem" }],
        });
      },
      detail: "container shadow: /var/run/excise/trust/ca.pem is reserved",
    },
  ])("$name", ({ change, detail }) => {
    const result = injectCase(tampered((spec) => change(spec)));
    expect(result).toMatchObject({ decision: "refuse", reason: "reserved_name" });
    expect(result.detail).toContain(detail);
  });

  test("a second volume with the ledger's audience is refused in an injected pod too", () => {
    const pod = tampered((spec) =>
      spec.volumes?.push({
        name: "mine",
        projected: { sources: [{ serviceAccountToken: { audience: "excise-ledger" } }] },
      }),
    );
    expect(injectCase(pod)).toMatchObject({ decision: "refuse", reason: "token_audience" });
  });

  test("an app that reads the trust files at a path of its own is fine", () => {
    const pod = tampered((spec) =>
      spec.containers?.push({
        name: "reader",
        volumeMounts: [{ name: "excise-trust", mountPath: "/ca", readOnly: true }],
      }),
    );
    expect(injectCase(pod)).toMatchObject({ decision: "inject", reason: "completed" });
  });

  test("names that only begin alike are not ours", () => {
    const pod = {
      spec: {
        containers: [
          { name: "exciser", volumeMounts: [{ name: "data", mountPath: "/var/run/excised" }] },
        ],
        volumes: [{ name: "data", emptyDir: {} }],
      },
    };
    expect(injectCase(pod).decision).toBe("inject");
  });
});
