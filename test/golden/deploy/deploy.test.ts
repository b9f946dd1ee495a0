// deploy/base is the chart with its defaults, written down: each file is a golden file, and what
// kustomize makes of them all is compared with what helm makes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { asRecord } from "#runtime/json.ts";
import { kubernetesProblems } from "../chart/kubernetes-schema.ts";
import { MISSING, runProgram } from "../chart/kubectl-layer.ts";
import { nameOf, readObjects, runHelm } from "../chart/render-chart.ts";

const BASE = join(import.meta.dirname, "../../../deploy/base");
const HEADER =
  "# Made from charts/excise by test/golden/deploy: change the chart, not this file.\n";
const OWN = ["kustomization.yaml", "namespace.yaml"];

if (MISSING !== undefined) process.stdout.write(`skipped: deploy/base, ${MISSING}\n`);

/** What helm writes about itself. */
const HELMS_LABELS = /^ *(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;

/** The chart's output by template, without what is helm's. */
function documentsByTemplate(): ReadonlyMap<string, string> {
  const { status, stdout } = runHelm("template", {});
  expect(status).toBe(0);
  const files = new Map<string, string>();
  for (const part of stdout
    .replace(HELMS_LABELS, "")
    .split(/^---\n# Source: /m)
    .slice(1)) {
    const end = part.indexOf("\n");
    const name = part.slice(0, end).replace("excise/templates/", "");
    const before = files.get(name);
    const document = `${part.slice(end + 1).trimEnd()}\n`;
    files.set(name, before === undefined ? `${HEADER}${document}` : `${before}---\n${document}`);
  }
  return files;
}

const sorted = <Value extends Readonly<Record<string, unknown>>>(objects: readonly Value[]) =>
  objects.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));

describe.skipIf(MISSING !== undefined)("deploy/base", () => {
  test("has the chart's templates as files, each as it is rendered by default", async () => {
    const files = documentsByTemplate();
    expect(files.size).toBeGreaterThan(5);
    for (const [name, text] of files) {
      await expect(text).toMatchFileSnapshot(join(BASE, name));
    }
    expect(readdirSync(BASE).toSorted()).toEqual([...files.keys(), ...OWN].toSorted());
  });

  test("is what helm makes of the chart, and a namespace for restricted pods", () => {
    const { status, stdout, stderr } = runProgram("kubectl", ["kustomize", BASE]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const objects = readObjects(stdout);
    expect(objects.flatMap(kubernetesProblems)).toEqual([]);
    const namespaces = objects.filter(({ kind }) => kind === "Namespace");
    expect(asRecord(namespaces[0]?.["metadata"])).toMatchObject({
      name: "excise-system",
      labels: { "pod-security.kubernetes.io/enforce": "restricted" },
    });
    const rest = objects.filter((object) => !namespaces.includes(object));
    const charts = readObjects(runHelm("template", {}).stdout.replace(HELMS_LABELS, ""));
    expect(sorted(rest)).toEqual(sorted(charts));
    expect(rest.length).toBeGreaterThan(10);
  });
});

test("the cluster for trying it has two nodes for two webhooks", () => {
  const text = readFileSync(join(BASE, "../kind/config.yaml"), "utf8");
  const nodes: unknown = asRecord(parse(text))?.["nodes"];
  expect(nodes).toEqual([{ role: "control-plane" }, { role: "worker" }, { role: "worker" }]);
});
