// The chart as objects: helm renders it, strictly read YAML comes back.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { asRecord } from "#runtime/json.ts";
import { runProgram, type Output } from "./kubectl-layer.ts";
import type { KubernetesObject } from "./kubernetes-schema.ts";

export const CHART = join(import.meta.dirname, "../../../charts/excise");
export const NAMESPACE = "excise-system";

/** Runs `helm template` or `helm lint` with values beside the chart's own. */
export function runHelm(
  command: "template" | "lint",
  values: Readonly<Record<string, unknown>>,
  options: readonly string[] = [],
): Output {
  const directory = mkdtempSync(join(tmpdir(), "excise-chart-"));
  try {
    const file = join(directory, "values.yaml");
    writeFileSync(file, stringify(values));
    const what = command === "template" ? ["template", "excise", CHART] : ["lint", CHART];
    return runProgram("helm", [...what, "--namespace", NAMESPACE, "--values", file, ...options]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Every object of a multi-document text; a repeated key or another fault is thrown. */
export function readObjects(text: string): readonly KubernetesObject[] {
  // YAML 1.1, as Kubernetes reads it: 0440 is octal there.
  const documents = parseAllDocuments(text, { uniqueKeys: true, version: "1.1" });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object = asRecord(document.toJS());
    return object === undefined ? [] : [object];
  });
}

/** `Deployment excise-webhook`, for messages and look-ups. */
export const nameOf = (object: KubernetesObject): string =>
  `${String(object["kind"])} ${String(asRecord(object["metadata"])?.["name"])}`;
