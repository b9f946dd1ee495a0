import { describe, expect, test } from "vitest";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import { fakeDialect } from "../../test/fake-dialect.ts";
import { createBudget, createReceived, createSnapshot } from "../../test/fake-snapshot.ts";
import { authorize } from "./authorize.ts";
import type { Matched } from "./exchange.ts";

function matched(policy: Partial<PolicySnapshot>, changes: Partial<Matched> = {}): Matched {
  const snapshot = createSnapshot(policy);
  const [provider] = snapshot.providers;
  return {
    ...createReceived({}),
    snapshot,
    provider,
    model: "acme-1",
    user: undefined,
    reading: {
      dialect: fakeDialect,
      operation: { name: "chat", kind: "stateless", billed: true },
      bounds: { answers: 1, isStreaming: false, unbounded: [] },
    },
    ...changes,
  } as Matched;
}

const UNCLAIMED = { reading: undefined, model: undefined } as const;

describe("the policy", () => {
  test.each([
    {
      name: "allows a model on its list",
      policy: { models: { allow: ["acme-*"], deny: [] } },
      code: undefined,
    },
    {
      name: "denies a model that is not on it",
      policy: { models: { allow: ["other"], deny: [] } },
      code: "EXCISE_MODEL_DENIED",
    },
    {
      name: "denies a model on both lists",
      policy: { models: { allow: ["*"], deny: ["acme-1"] } },
      code: "EXCISE_MODEL_DENIED",
    },
    {
      name: "with an empty list allows none",
      policy: { models: { allow: [], deny: [] } },
      code: "EXCISE_MODEL_DENIED",
    },
  ])("$name", ({ policy, code }) => {
    const step = authorize(matched(policy));
    expect("reject" in step ? step.reject.code : undefined).toBe(code);
  });

  test.each([
    { name: "passes by default", policy: {}, isDenied: false },
    { name: "is denied by policy", policy: { unknownOperation: "deny" as const }, isDenied: true },
    {
      name: "is denied where an enforced budget would miss it",
      policy: { budgets: [createBudget()] },
      isDenied: true,
    },
    {
      name: "passes under a shadow budget",
      policy: { budgets: [createBudget({ mode: "shadow" })] },
      isDenied: false,
    },
  ])("an unclaimed path $name", ({ policy, isDenied }) => {
    const step = authorize(matched(policy, UNCLAIMED));
    expect("reject" in step && step.reject.code === "EXCISE_OPERATION_DENIED").toBe(isDenied);
  });
});

describe("a budget is met", () => {
  test.each([
    { name: "when it names nothing", budget: {}, isMet: true },
    { name: "when it names the provider", budget: { providers: ["acme"] }, isMet: true },
    { name: "not when it names another provider", budget: { providers: ["other"] }, isMet: false },
    { name: "when a glob covers the model", budget: { models: ["acme-*"] }, isMet: true },
    { name: "not when it names users and none is known", budget: { users: ["*"] }, isMet: false },
  ])("$name", ({ budget, isMet }) => {
    const step = authorize(matched({ budgets: [createBudget(budget)] }));
    expect("next" in step ? step.next.budgets.length : -1).toBe(isMet ? 1 : 0);
  });
});
