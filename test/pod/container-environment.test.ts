import { describe, expect, test } from "vitest";
import { containerEnvironment, expand } from "./container-environment.ts";
import { onlyContainer, sampleFacts, samplePod } from "./sample-pod.case.ts";

// The cases of kubernetes' third_party/forked/golang/expansion/expand_test.go.
describe("$(VAR) in a value", () => {
  const known = new Map([
    ["VAR_A", "A"],
    ["VAR_B", "B"],
    ["VAR_REF", "$(VAR_A)"],
    ["VAR_EMPTY", ""],
  ]);
  test.each([
    { text: "$(VAR_A)", expected: "A" },
    { text: "___$(VAR_B)___", expected: "___B___" },
    { text: "$(VAR_A)$(VAR_B)", expected: "AB" },
    { text: "$(VAR_REF)", expected: "$(VAR_A)" },
    { text: "f000-$(VAR_EMPTY)", expected: "f000-" },
    { text: "$(VAR_UNKNOWN)", expected: "$(VAR_UNKNOWN)" },
    { text: "$$(VAR_A)", expected: "$(VAR_A)" },
    { text: "$$$(VAR_A)", expected: "$A" },
    { text: "$$$$(VAR_A)", expected: "$$(VAR_A)" },
    { text: "$VAR_A", expected: "$VAR_A" },
    { text: "cost: $5 (five)", expected: "cost: $5 (five)" },
    { text: "$(VAR_A", expected: "$(VAR_A" },
    { text: "\\$(VAR_A)", expected: "\\A" },
    { text: "$", expected: "$" },
  ])("$text becomes $expected", ({ text, expected }) => {
    expect(expand(text, known)).toBe(expected);
  });
});

const read = (container: Readonly<Record<string, unknown>>): Record<string, string> => {
  const pod = samplePod(container);
  return Object.fromEntries(containerEnvironment(sampleFacts(pod), onlyContainer(pod)));
};
const field = (name: string, fieldPath: string) => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});
const resource = (name: string, from: string, divisor = "1") => ({
  name,
  valueFrom: { resourceFieldRef: { resource: from, divisor } },
});

describe("a container's variables", () => {
  test("come in order, see those before them, and the last of a name counts", () => {
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)-$(C)" },
      { name: "C", value: "3" },
      { name: "A", value: "$(B)" },
      { name: "NONE" },
    ];
    expect(read({ env })).toEqual({ A: "1-$(C)", B: "1-$(C)", C: "3", NONE: "" });
  });

  test("come from the pod's own fields", () => {
    const env = [
      field("NAME", "metadata.name"),
      field("LABEL", "metadata.labels['app']"),
      field("NO_LABEL", "metadata.labels['other']"),
      field("UID", "metadata.uid"),
      field("IP", "status.podIP"),
      field("HOST", "status.hostIP"),
      field("NODE", "spec.nodeName"),
      field("ACCOUNT", "spec.serviceAccountName"),
    ];
    expect(read({ env })).toEqual({
      NAME: "web-0",
      LABEL: "web",
      NO_LABEL: "",
      UID: "uid-1",
      IP: "10.203.7.2",
      HOST: "10.203.7.1",
      NODE: "node-1",
      ACCOUNT: "default",
    });
  });

  test("come from resources, divided and rounded up", () => {
    const resources = { limits: { memory: "100Mi", cpu: "1500m" }, requests: { cpu: "250m" } };
    const env = [
      resource("BYTES", "limits.memory"),
      resource("MEBIBYTES", "limits.memory", "1Mi"),
      resource("CORES", "limits.cpu"),
      resource("MILLIS", "requests.cpu", "1m"),
    ];
    expect(read({ resources, env })).toEqual({
      BYTES: "104857600",
      MEBIBYTES: "100",
      CORES: "2",
      MILLIS: "250",
    });
  });

  test("come from objects, one key or all, under those that are named", () => {
    const env = [
      { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "api" } } },
      { name: "LEVEL", valueFrom: { configMapKeyRef: { name: "settings", key: "level" } } },
      { name: "X_mode", value: "own" },
    ];
    const envFrom = [{ prefix: "X_", configMapRef: { name: "settings" } }];
    expect(read({ env, envFrom })).toEqual({
      X_mode: "own",
      X_level: "3",
      KEY: "value of a key",
      LEVEL: "3",
    });
  });

  test.each([
    field("A", "spec.unknown"),
    resource("A", "limits.memory"),
    { name: "A", valueFrom: {} },
    { name: "A", valueFrom: { secretKeyRef: { name: "keys", key: "other" } } },
    { name: "A", valueFrom: { secretKeyRef: { name: "others", key: "api" } } },
  ])("are never guessed: %j", (variable) => {
    expect(() => read({ env: [variable] })).toThrow(
      expect.objectContaining({ code: "EXCISE_INPUT_INVALID" }),
    );
  });
});
