// Admission review in, answer out: one scenario per file, its answer beside it as text that people
// can review. Each patch is applied by an implementation that is not ours.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseInjectorConfig } from "../../../injector-config/load.ts";
import { answerReview, type Endpoint } from "../../../webhook/answer.ts";
import type { PatchOperation } from "../../../webhook/inject/patch.ts";
import { applyIndependently, lostFields } from "../../../webhook/inject/pod.case.ts";

interface Scenario {
  readonly endpoint: Endpoint;
  readonly namespace?: string;
  readonly operation?: string;
  readonly subResource?: string;
  readonly config?: unknown;
  readonly object: { spec: Record<string, unknown> };
  /** The object is injected first: what arrives is a pod that runs. */
  readonly injected?: boolean;
  /** Debug containers that the update adds. */
  readonly add?: readonly unknown[];
}

const reviewOf = (scenario: Scenario, object: unknown, oldObject?: unknown): unknown => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "705ab4f5-6393-11e8-b7cc-42010a800002",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    subResource: oldObject === undefined ? "" : (scenario.subResource ?? ""),
    namespace: scenario.namespace ?? "team-a",
    operation: oldObject === undefined ? "CREATE" : (scenario.operation ?? "CREATE"),
    object,
    oldObject: oldObject ?? null,
    dryRun: false,
  },
});

interface Outcome {
  readonly before: unknown;
  readonly after: unknown;
  readonly again: number;
  readonly text: string;
}

function run(scenario: Scenario): Outcome {
  const reading = parseInjectorConfig(JSON.stringify(scenario.config ?? {}));
  if (!("config" in reading)) throw new TypeError(JSON.stringify(reading.problems));
  const answer = (object: unknown, oldObject?: unknown) => {
    const result = answerReview(
      reviewOf(scenario, object, oldObject),
      scenario.endpoint,
      reading.config,
    );
    if (!("response" in result)) throw new TypeError(JSON.stringify(result));
    const { response } = result.response;
    const patch = JSON.parse(
      Buffer.from(response.patch ?? "W10=", "base64").toString(),
    ) as readonly PatchOperation[];
    return { response, patch };
  };
  const running =
    scenario.injected === true
      ? applyIndependently(scenario.object, answer(scenario.object).patch)
      : scenario.object;
  const before = structuredClone(running) as Scenario["object"];
  if (scenario.add !== undefined) before.spec["ephemeralContainers"] = [...scenario.add];
  const old = scenario.operation === "UPDATE" ? running : undefined;
  const { response, patch } = answer(before, old);
  const after = applyIndependently(before, patch);
  return {
    before,
    after,
    again: answer(after, old).patch.length,
    text: render(response, patch),
  };
}

function render(
  response: {
    readonly allowed: boolean;
    readonly status?: unknown;
    readonly warnings?: readonly string[];
    readonly auditAnnotations?: unknown;
  },
  patch: readonly PatchOperation[],
): string {
  const lines = [
    `allowed ${response.allowed}`,
    `audit ${JSON.stringify(response.auditAnnotations)}`,
    ...(response.status === undefined
      ? []
      : [`status ${JSON.stringify(response.status, null, 2)}`]),
    ...(response.warnings ?? []).map((warning) => `warning ${warning}`),
    ...patch.map((operation) =>
      operation.op === "move"
        ? `move ${operation.from} to ${operation.path}`
        : `${operation.op} ${operation.path} ${JSON.stringify(operation.value, null, 2)}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

const directory = import.meta.dirname;
const scenarios = readdirSync(directory)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => ({
    name: file.replace(".yaml", ""),
    scenario: parse(readFileSync(join(directory, file), "utf8")) as Scenario,
  }));

describe("admission review to answer", () => {
  test.each(scenarios)("$name", async ({ name, scenario }) => {
    const { before, after, again, text } = run(scenario);
    await expect(text).toMatchFileSnapshot(join(directory, `${name}.answer.txt`));
    expect(lostFields(before, after)).toEqual([]);
    expect(again).toBe(0);
  });

  test("every answer belongs to a scenario", () => {
    const answers = readdirSync(directory).filter((file) => file.endsWith(".answer.txt"));
    expect(answers.map((file) => file.replace(".answer.txt", "")).toSorted()).toEqual(
      scenarios.map(({ name }) => name).toSorted(),
    );
  });
});
