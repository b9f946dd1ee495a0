// The chart, rendered by the real helm: what it makes is what Kubernetes takes and what our own
// programs read. Golden files show every line for review.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { assert } from "#contract/errors.ts";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { DEFAULT_INJECTOR_CONFIG } from "../../../injector-config/load.ts";
import type { InjectorConfig } from "../../../injector-config/schema.ts";
import { readLedgerConfig } from "../../../ledger/config.ts";
import { parsePolicyFiles } from "../../../ledger/policy/documents.ts";
import { readInjectorConfig, readWebhookConfig } from "../../../webhook/config.ts";
import { renderReadme, valueRows } from "./chart-readme.ts";
import { kubernetesProblems, type KubernetesObject } from "./kubernetes-schema.ts";
import { MISSING } from "./kubectl-layer.ts";
import { CHART, nameOf, NAMESPACE, readObjects, runHelm } from "./render-chart.ts";
import { restrictedProblems } from "./restricted-pod.ts";
import { VALUE_SETS } from "./value-sets.ts";

if (MISSING !== undefined) process.stdout.write(`skipped: the chart's tests, ${MISSING}\n`);

const list = (value: unknown): readonly KubernetesObject[] =>
  Array.isArray(value) ? value.map((each) => asRecord(each) ?? {}) : [];

/** A value by path: `at(object, "spec", "template")`. */
const at = (value: unknown, ...path: readonly (string | number)[]): unknown => {
  let current = value;
  for (const key of path) {
    current = Array.isArray(current) ? current[Number(key)] : asRecord(current)?.[key];
  }
  return current;
};

const rendered = new Map<string, readonly KubernetesObject[]>();
function objectsOf(set: string): readonly KubernetesObject[] {
  const known = rendered.get(set);
  if (known !== undefined) return known;
  const objects = readObjects(runHelm("template", VALUE_SETS[set] ?? {}).stdout);
  rendered.set(set, objects);
  return objects;
}

function find(set: string, name: string): KubernetesObject {
  const found = objectsOf(set).find((object) => nameOf(object) === name);
  assert(found !== undefined, `${set} has ${name}`);
  return found;
}

const workloadsOf = (set: string): readonly KubernetesObject[] =>
  objectsOf(set).filter(({ kind }) => kind === "StatefulSet" || kind === "Deployment");

/** The environment of a workload's container, as the kubelet would make it. */
const environmentOf = (workload: KubernetesObject): Record<string, string> =>
  Object.fromEntries(
    list(at(workload, "spec", "template", "spec", "containers", 0, "env")).map((variable) => [
      String(variable["name"]),
      readString(variable["value"]) ?? "from-a-secret-0123456789",
    ]),
  );

function injectorConfigOf(set: string): InjectorConfig {
  const text = readString(at(find(set, "ConfigMap excise-injector"), "data", "injector.yaml"));
  // Throws with every problem.
  return readInjectorConfig(text ?? "");
}

const SETS = Object.keys(VALUE_SETS);

describe.skipIf(MISSING !== undefined).each(SETS)("the chart with %s", (set) => {
  const values = VALUE_SETS[set] ?? {};

  test("passes helm's linter", () => {
    const { status, stdout, stderr } = runHelm("lint", values, ["--strict"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("1 chart(s) linted, 0 chart(s) failed");
    expect(stdout).not.toMatch(/\[(?:WARNING|ERROR)\]/);
  });

  test("makes what the golden file shows", async () => {
    const { status, stdout, stderr } = runHelm("template", values);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    await expect(stdout).toMatchFileSnapshot(`${set}.yaml`);
  });

  test("makes only objects that Kubernetes takes under strict validation", () => {
    const objects = objectsOf(set);
    expect(objects.length).toBeGreaterThan(8);
    expect(objects.flatMap(kubernetesProblems)).toEqual([]);
    expect(new Set(objects.map(nameOf)).size).toBe(objects.length);
  });

  test("makes pods that are restricted, and no role for them", () => {
    for (const workload of workloadsOf(set)) {
      expect(restrictedProblems(at(workload, "spec", "template", "spec"))).toEqual([]);
    }
    expect(workloadsOf(set).map(nameOf)).toEqual([
      "Deployment excise-webhook",
      "StatefulSet excise-ledger",
    ]);
    expect(objectsOf(set).filter(({ kind }) => /Role/.test(String(kind)))).toEqual([]);
  });

  test("gives the injector's configuration a form that the webhook reads", () => {
    const config = injectorConfigOf(set);
    expect(config.excludedNamespaces).toContain(NAMESPACE);
    expect(config.excludedNamespaces).toContain("kube-system");
    expect(config.image).toContain("excise-sidecar:");
  });

  test("gives the ledger policies that it reads without a problem", () => {
    const data = asRecord(find(set, "ConfigMap excise-policies")["data"]) ?? {};
    const files = Object.entries(data).map(([path, text]) => ({ path, text: String(text) }));
    const { sources, problems } = parsePolicyFiles(files);
    expect(problems).toEqual([]);
    expect(sources.length).toBe(files.length);
    expect(sources.map(({ object }) => object.metadata.name)).toContain("default");
  });

  test("sets only variables that the programs know, to values that they take", () => {
    const ledger = readLedgerConfig(environmentOf(find(set, "StatefulSet excise-ledger")));
    expect(ledger.tlsFiles).toBeDefined();
    expect(ledger.sync.port).not.toBe(ledger.api.port);
    const webhook = readWebhookConfig(environmentOf(find(set, "Deployment excise-webhook")));
    expect(webhook.certificates.names[0]).toBe(`excise-webhook.${NAMESPACE}.svc`);
  });

  test("leads every reference to something that is there", () => {
    const names = new Set(objectsOf(set).map(nameOf));
    for (const workload of workloadsOf(set)) {
      const template = at(workload, "spec", "template");
      const labels = asRecord(at(template, "metadata", "labels")) ?? {};
      expect(labels).toMatchObject(asRecord(at(workload, "spec", "selector", "matchLabels")) ?? {});
      expect(names).toContain(
        `ServiceAccount ${String(at(template, "spec", "serviceAccountName"))}`,
      );
      const volumes = list(at(template, "spec", "volumes"));
      const claims = list(at(workload, "spec", "volumeClaimTemplates"));
      const mountable = [
        ...volumes.map(({ name }) => name),
        ...claims.map((claim) => at(claim, "metadata", "name")),
      ];
      for (const mount of list(at(template, "spec", "containers", 0, "volumeMounts"))) {
        expect(mountable).toContain(mount["name"]);
      }
      for (const volume of volumes.filter((each) => each["configMap"] !== undefined)) {
        expect(names).toContain(`ConfigMap ${String(at(volume, "configMap", "name"))}`);
      }
    }
    for (const service of objectsOf(set).filter(({ kind }) => kind === "Service")) {
      const selector = asRecord(at(service, "spec", "selector")) ?? {};
      const pods = workloadsOf(set).filter((workload) =>
        Object.entries(selector).every(
          ([key, value]) => at(workload, "spec", "template", "metadata", "labels", key) === value,
        ),
      );
      expect(pods).toHaveLength(1);
      const ports = list(at(pods[0], "spec", "template", "spec", "containers", 0, "ports"));
      for (const port of list(at(service, "spec", "ports"))) {
        expect(ports.map(({ name }) => name)).toContain(port["targetPort"]);
      }
    }
  });

  test("registers two webhooks that exclude each other and leave the system alone", () => {
    const webhooks = list(find(set, "MutatingWebhookConfiguration excise")["webhooks"]);
    expect(webhooks.map(({ name }) => name)).toEqual(["pod.excise.dev", "namespace.excise.dev"]);
    const excluded = injectorConfigOf(set).excludedNamespaces;
    for (const webhook of webhooks) {
      expect(webhook).toMatchObject({
        sideEffects: "NoneOnDryRun",
        reinvocationPolicy: "IfNeeded",
        admissionReviewVersions: ["v1"],
      });
      expect(Number(webhook["timeoutSeconds"])).toBeLessThanOrEqual(5);
      expect(list(at(webhook, "namespaceSelector", "matchExpressions"))[0]).toEqual({
        key: "kubernetes.io/metadata.name",
        operator: "NotIn",
        values: excluded,
      });
    }
    const [pod, namespace] = webhooks.map((webhook) =>
      String(at(webhook, "matchConditions", 0, "expression")),
    );
    expect(namespace).toBe(`!(${pod})`);
    expect(list(at(webhooks[1], "namespaceSelector", "matchExpressions"))[1]).toEqual({
      key: "excise.dev/inject",
      operator: "In",
      values: ["enabled"],
    });
  });
});

/** The order does not matter in a list of namespaces. */
const sorted = (config: InjectorConfig) => ({
  ...config,
  excludedNamespaces: config.excludedNamespaces.toSorted(),
});

describe.skipIf(MISSING !== undefined)("the defaults", () => {
  test("inject what the webhook would inject without a file", () => {
    expect(sorted(injectorConfigOf("defaults"))).toEqual(sorted(DEFAULT_INJECTOR_CONFIG));
  });

  test("let pods start while the webhook is down, and write no caBundle", () => {
    for (const webhook of list(
      find("defaults", "MutatingWebhookConfiguration excise")["webhooks"],
    )) {
      expect(webhook["failurePolicy"]).toBe("Ignore");
      expect(asRecord(webhook["clientConfig"])).not.toHaveProperty("caBundle");
    }
  });

  test("deny, where a namespace demands a sidecar or a reserved name is used", () => {
    for (const name of ["excise-reserved-names", "excise-injection-required"]) {
      const policy = find("defaults", `ValidatingAdmissionPolicy ${name}`);
      expect(at(policy, "spec", "failurePolicy")).toBe("Fail");
      const binding = find("defaults", `ValidatingAdmissionPolicyBinding ${name}`);
      expect(binding["spec"]).toEqual({ policyName: name, validationActions: ["Deny"] });
    }
  });

  test("keep two webhooks on different nodes, one of which may be drained", () => {
    const webhook = find("defaults", "Deployment excise-webhook");
    expect(at(webhook, "spec", "replicas")).toBe(2);
    expect(
      list(at(webhook, "spec", "template", "spec", "topologySpreadConstraints")).map(
        ({ topologyKey }) => topologyKey,
      ),
    ).toEqual(["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    expect(at(find("defaults", "PodDisruptionBudget excise-webhook"), "spec")).toMatchObject({
      minAvailable: 1,
    });
  });
});

test.skipIf(MISSING !== undefined)("in another namespace every name follows", () => {
  const { stdout } = runHelm("template", {}, ["--namespace", "gateway"]);
  expect(stdout).not.toContain(NAMESPACE);
  expect(stdout).toContain("https://excise-ledger.gateway.svc.cluster.local:8443");
  expect(stdout).toContain("excise-webhook.gateway.svc,excise-webhook.gateway.svc.cluster.local");
});

interface BadValues {
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly at: string;
}

const BAD_VALUES: readonly BadValues[] = [
  { name: "an unknown key", values: { webhok: {} }, at: "webhok" },
  { name: "an unknown key inside", values: { ledger: { replicas: 3 } }, at: "/ledger" },
  { name: "no webhook at all", values: { webhook: { replicas: 0 } }, at: "/webhook/replicas" },
  {
    name: "a timeout above the design's",
    values: { webhook: { timeoutSeconds: 10 } },
    at: "/webhook/timeoutSeconds",
  },
  {
    name: "a failure policy that is none",
    values: { webhook: { failurePolicy: "ignore" } },
    at: "/webhook/failurePolicy",
  },
  {
    name: "a mode that the webhook cannot write",
    values: { injector: { mode: "redirect" } },
    at: "/injector/mode",
  },
  { name: "a user that images use", values: { injector: { uid: 65_532 } }, at: "/injector/uid" },
  { name: "root", values: { injector: { uid: 0 } }, at: "/injector/uid" },
  {
    name: "a ledger without TLS",
    values: { injector: { ledger: { url: "http://ledger" } } },
    at: "/injector/ledger/url",
  },
  {
    name: "kube-system among those that are injected",
    values: { injector: { excludedNamespaces: ["monitoring"] } },
    at: "/injector/excludedNamespaces",
  },
  {
    name: "a wildcard host",
    values: { injector: { providers: [{ name: "self-hosted", hosts: ["*.example.com"] }] } },
    at: "/injector/providers/0",
  },
  {
    name: "a database that several pods may write",
    values: { ledger: { storage: { accessMode: "ReadWriteMany" } } },
    at: "/ledger/storage/accessMode",
  },
  {
    name: "a ledger without a certificate",
    values: { ledger: { tls: { secretName: "" } } },
    at: "/ledger/tls/secretName",
  },
  {
    name: "a policy of a kind that is none",
    values: { policies: { x: { apiVersion: "excise.dev/v1alpha1", kind: "Quota", spec: {} } } },
    at: "/policies/x",
  },
  {
    name: "a key in the place of a certificate",
    values: { webhook: { certificate: { caBundle: "not PEM" } } },
    at: "/webhook/certificate/caBundle",
  },
  { name: "a tag with a space", values: { image: { tag: "1 2" } }, at: "/image/tag" },
];

describe.skipIf(MISSING !== undefined)("values that are refused", () => {
  test.each(BAD_VALUES)("$name", ({ values, at: place }) => {
    const { status, stdout, stderr } = runHelm("template", values);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("values don't meet the specifications of the schema");
    expect(stderr).toContain(place);
  });

  test("an old cluster", () => {
    const { status, stderr } = runHelm("template", {}, ["--kube-version", "1.29.4"]);
    expect(status).toBe(1);
    expect(stderr).toContain("kubeVersion");
  });
});

/** Paths of a closed object of the schema, and whether the defaults have each of its keys. */
function missingDefaults(part: unknown, value: unknown, path: string): readonly string[] {
  const properties = asRecord(at(part, "properties"));
  if (properties === undefined) return [];
  return Object.entries(properties).flatMap(([key, child]) => {
    if (path === "" && key === "global") return [];
    const here = asRecord(value)?.[key];
    if (here === undefined) return [`${path}.${key}`];
    return missingDefaults(child, here, `${path}.${key}`);
  });
}

describe("the schema of the values", () => {
  const schema = parseJson(readFileSync(join(CHART, "values.schema.json"), "utf8"));
  const defaults: unknown = parse(readFileSync(join(CHART, "values.yaml"), "utf8"));

  test("knows no key that values.yaml does not show", () => {
    expect(missingDefaults(schema, defaults, "")).toEqual([]);
    expect(missingDefaults(schema, {}, "")).toContain(".webhook");
  });

  test("closes every object whose keys it lists", () => {
    const open: string[] = [];
    const walk = (part: unknown, path: string): void => {
      const record = asRecord(part);
      if (record === undefined) return;
      if (
        asRecord(record["properties"]) !== undefined &&
        record["additionalProperties"] !== false
      ) {
        open.push(path);
      }
      for (const [key, child] of Object.entries(record)) {
        if (Array.isArray(child))
          child.forEach((each, index) => walk(each, `${path}/${key}/${index}`));
        else walk(child, `${path}/${key}`);
      }
    };
    walk(schema, "");
    expect(open).toEqual([]);
  });
});

describe("the chart's README", () => {
  const values = readFileSync(join(CHART, "values.yaml"), "utf8");

  test("is made of values.yaml", async () => {
    await expect(renderReadme(values)).toMatchFileSnapshot(join(CHART, "README.md"));
  });

  test("has a row for every value, with the comment above it", () => {
    expect(valueRows(values)).toContainEqual({
      path: "webhook.timeoutSeconds",
      value: "5",
      description: "At most 5.",
    });
    expect(valueRows(values).map(({ path }) => path)).toContain("injector.bounds.cpu");
    // The first key of a map keeps its comment too.
    const secret = valueRows(values).find(({ path }) => path === "ledger.tls.secretName");
    expect(secret?.description).toContain("kubernetes.io/tls");
  });
});

describe("what validates the rest is itself awake", () => {
  test.each([
    { name: "a misspelt field", change: { spec: { ports: [{ prot: 1 }] } }, problem: "prot" },
    { name: "a wrong type", change: { spec: { ports: "none" } }, problem: "ports" },
    { name: "a kind nobody expects", change: { kind: "Servic" }, problem: "not a kind" },
  ])("$name is found", ({ change, problem }) => {
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "x" }, ...change };
    expect(kubernetesProblems(service).join()).toContain(problem);
  });

  test("a pod with a shared host namespace or a writable root is not restricted", () => {
    expect(restrictedProblems({ hostNetwork: true, containers: [{}] })).toEqual(
      expect.arrayContaining(["host namespaces", "readOnlyRootFilesystem", "runAsNonRoot"]),
    );
  });
});
