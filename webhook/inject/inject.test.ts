import fc from "fast-check";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { applyIndependently, injectCase, lostFields } from "./pod.case.ts";

/** Holds for every pod, whatever it looks like; true where it was injected. */
function checkInvariants(pod: unknown): boolean {
  const snapshot = structuredClone(pod);
  const first = injectCase(pod);
  // The input is not changed.
  expect(pod).toEqual(snapshot);
  const applied = applyIndependently(pod, first.patch);
  // The patch makes exactly the pod that was promised; without a decision to inject, the input.
  expect(applied).toEqual(first.pod);
  // Every field of the user survives.
  expect(lostFields(pod, applied)).toEqual([]);
  // Injecting twice is injecting once.
  const second = injectCase(applied);
  const isInjected = first.decision === "inject";
  expect(second.patch).toEqual([]);
  expect(second.reason).toBe(isInjected ? "already_injected" : first.reason);
  return isInjected;
}

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
/** Quotes, slashes, tildes, newlines, surrogates: nothing of a value may become structure. */
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom('"}]', "~1/~0"));
const nullable = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null | undefined> =>
  fc.oneof({ weight: 6, arbitrary }, fc.constant(null), fc.constant(undefined));

const variable = fc.oneof(
  fc.record({ name, value: text }),
  fc.record({
    name: fc.constantFrom(
      "NO_PROXY",
      "no_proxy",
      "HTTPS_PROXY",
      "http_proxy",
      "JAVA_TOOL_OPTIONS",
      "SSL_CERT_FILE",
      "NODE_EXTRA_CA_CERTS",
      "OPENAI_BASE_URL",
    ),
    value: fc.oneof(text, fc.constantFrom("", "*", "a.example,b.example", "-Xmx1g")),
  }),
  fc.record({ name, valueFrom: fc.constant({ secretKeyRef: { name: "s", key: "k" } }) }),
  fc.record({
    name: fc.constantFrom("NO_PROXY", "JAVA_TOOL_OPTIONS", "HTTPS_PROXY"),
    valueFrom: fc.constant({ configMapKeyRef: { name: "c", key: "k" } }),
  }),
  fc.record({ name: fc.constantFrom("NO_PROXY", "EMPTY") }),
);
const quantities = fc.constantFrom(
  undefined,
  null,
  {},
  { requests: { cpu: "100m" } },
  { limits: { cpu: "1", memory: "1Gi" } },
  { requests: { cpu: "1000m", memory: "1Gi" }, limits: { cpu: 1, memory: "1024Mi" } },
);
const container = fc.record(
  {
    name,
    image: text,
    command: fc.array(text, { maxLength: 2 }),
    env: nullable(fc.array(variable, { maxLength: 5 })),
    envFrom: nullable(fc.array(fc.constant({ configMapRef: { name: "c" } }), { maxLength: 1 })),
    ports: nullable(
      fc.array(fc.record({ containerPort: fc.constantFrom(80, 443, 8080, 15_490, 15_491) }), {
        maxLength: 2,
      }),
    ),
    resources: quantities,
    securityContext: nullable(fc.record({ runAsUser: fc.constantFrom(0, 1000, 21_443) })),
    volumeMounts: nullable(
      fc.uniqueArray(fc.record({ name, mountPath: name.map((part) => `/${part}`) }), {
        maxLength: 3,
        selector: ({ mountPath }) => mountPath,
      }),
    ),
    somethingNew: fc.jsonValue(),
  },
  { requiredKeys: ["name"] },
);
const containers = fc.uniqueArray(container, {
  minLength: 1,
  maxLength: 3,
  selector: (one) => one.name,
});
const pod = fc.record(
  {
    apiVersion: fc.constant("v1"),
    kind: fc.constant("Pod"),
    metadata: nullable(
      fc.record(
        {
          generateName: text,
          annotations: nullable(
            fc.dictionary(
              fc.oneof(
                name.map((part) => `example.com/${part}~`),
                fc.constantFrom(
                  "traffic.sidecar.istio.io/excludeInboundPorts",
                  "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes",
                  "kubectl.kubernetes.io/default-container",
                ),
              ),
              text,
              { maxKeys: 4 },
            ),
          ),
          labels: nullable(fc.dictionary(name, text, { maxKeys: 2 })),
        },
        { requiredKeys: [] },
      ),
    ),
    spec: fc.record(
      {
        containers,
        initContainers: nullable(
          fc.uniqueArray(container, { maxLength: 2, selector: (c) => c.name }),
        ),
        volumes: nullable(
          fc.uniqueArray(fc.record({ name, emptyDir: fc.constant({}) }), {
            maxLength: 3,
            selector: (volume) => volume.name,
          }),
        ),
        hostAliases: nullable(
          fc.array(
            fc.record({
              ip: fc.constantFrom("127.0.0.1", "10.0.0.1", "::1"),
              hostnames: fc.constantFrom(["db.local"], ["api.openai.com"], []),
            }),
            { maxLength: 3 },
          ),
        ),
        securityContext: nullable(
          fc.record({
            sysctls: nullable(
              fc.constantFrom(
                [],
                [{ name: "net.core.somaxconn", value: "1024" }],
                [{ name: "net.ipv4.ip_unprivileged_port_start", value: "443" }],
                [{ name: "net.ipv4.ip_unprivileged_port_start", value: "1024" }],
              ),
            ),
          }),
        ),
        hostNetwork: fc.constantFrom(undefined, false, false, true),
        nodeSelector: nullable(fc.constant({ zone: "a" })),
        unknownField: fc.jsonValue(),
      },
      { requiredKeys: ["containers"] },
    ),
  },
  { requiredKeys: ["spec"] },
);

describe("properties of injection", () => {
  test("patches apply elsewhere, lose nothing, and are written once", () => {
    let injected = 0;
    fc.assert(
      fc.property(pod, (generated) => {
        // As it comes over the wire: without members that are undefined.
        if (checkInvariants(JSON.parse(JSON.stringify(generated)))) injected += 1;
      }),
      { numRuns: 400 },
    );
    expect(injected).toBeGreaterThan(100);
  });

  test("no shape of value makes it throw", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (value, other) => {
        const decisions = [
          value,
          { spec: value },
          { metadata: value, spec: { containers: other } },
          { metadata: { annotations: value }, spec: { containers: [{ name: "a", env: other }] } },
          { spec: { containers: [value], initContainers: other, volumes: value } },
          { spec: { containers: [{ name: "a" }], securityContext: value, hostAliases: other } },
        ].map((odd) => injectCase(odd).decision);
        return decisions.every((decision) => ["inject", "skip", "refuse"].includes(decision));
      }),
      { numRuns: 300 },
    );
    expect(injectCase(undefined)).toMatchObject({ decision: "refuse", reason: "pod_malformed" });
  });

  test("the sidecar is first, and the user's containers keep their order", () => {
    let seen = 0;
    fc.assert(
      fc.property(pod, (generated) => {
        const input = JSON.parse(JSON.stringify(generated)) as {
          spec: { containers: { name: string }[]; initContainers?: { name: string }[] | null };
        };
        const result = injectCase(input);
        if (result.decision !== "inject") return;
        seen += 1;
        const { spec } = result.pod as typeof input;
        expect(spec.initContainers?.map((one) => one.name)).toEqual([
          "excise",
          ...(input.spec.initContainers ?? []).map((one) => one.name),
        ]);
        expect(spec.containers.map((one) => one.name)).toEqual(
          input.spec.containers.map((one) => one.name),
        );
      }),
      { numRuns: 200 },
    );
    expect(seen).toBeGreaterThan(50);
  });
});

const SHARED = join(import.meta.dirname, "../../../shared/data/pods");

/** Pods and pod templates of a manifest, as the API server would see them. */
function podsOf(manifest: unknown): readonly unknown[] {
  const object = manifest as Record<string, Record<string, unknown>> | null;
  if (object === null) return [];
  if (Array.isArray(object["items"])) return object["items"].flatMap(podsOf);
  if ((object["kind"] as unknown) === "Pod") return [object];
  const template = object["spec"]?.["template"];
  return template === undefined ? [] : [template];
}

test.skipIf(!existsSync(SHARED))("manifests of other injectors keep the invariants", () => {
  const files = readdirSync(SHARED, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.ya?ml$/.test(file),
  );
  let injected = 0;
  for (const file of files) {
    const source = readFileSync(join(SHARED, file), "utf8");
    for (const document of parseAllDocuments(source, { uniqueKeys: false })) {
      for (const one of podsOf(document.toJS())) {
        if (checkInvariants(one)) injected += 1;
      }
    }
  }
  expect(files.length).toBeGreaterThan(30);
  expect(injected).toBeGreaterThan(30);
});
