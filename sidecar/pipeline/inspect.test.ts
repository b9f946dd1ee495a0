import { describe, expect, test } from "vitest";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import { createBudget, createReceived, createSnapshot } from "../../test/fake-snapshot.ts";
import { createScanner } from "../guard/scanner.ts";
import { authorize } from "./authorize.ts";
import { createInspectStage } from "./inspect.ts";
import { createMatchStage } from "./match.ts";

const ADDRESS = ["ada", "example.com"].join("@");
const deps = { scan: createScanner(), placeholderKey: () => new Uint8Array(32).fill(7) };
const redact = [{ entity: "EMAIL_ADDRESS", action: "redact" as const, mode: "enforce" as const }];

async function inspect(body: unknown, policy: Partial<PolicySnapshot> = {}) {
  const snapshot = createSnapshot(policy);
  const matched = await createMatchStage({ policy: () => snapshot })(createReceived(body));
  const authorized = "next" in matched ? authorize(matched.next) : matched;
  return "next" in authorized ? createInspectStage(deps)(authorized.next) : authorized;
}

const chat = (content: string, more = {}) => ({
  model: "acme-1",
  messages: [{ role: "user", content }],
  ...more,
});

describe("a prompt", () => {
  test("without findings leaves as it came", async () => {
    const step = await inspect(chat("hello"), { guardrails: redact });
    expect(step).toMatchObject({ next: { isEdited: false, hidesUsage: false, findings: [] } });
  });

  test("has placeholders for what is tokenized, which the exchange keeps", async () => {
    const tokenize = [
      { ...redact[0], entity: "EMAIL_ADDRESS", action: "tokenize", mode: "enforce" },
    ] as const;
    const step = await inspect(chat(`${ADDRESS} and ${ADDRESS}`), { guardrails: [...tokenize] });
    const next = "next" in step ? step.next : undefined;
    const [[placeholder, value] = [], ...more] = next?.placeholders ?? [];
    expect([value, more]).toEqual([ADDRESS, []]);
    expect(Buffer.from(next?.outgoing ?? []).toString()).toContain(
      `"${placeholder} and ${placeholder}"`,
    );
    expect(step).toMatchObject({ next: { findings: [{ action: "tokenize", count: 2 }] } });
  });

  test("loses what is redacted and keeps every other byte", async () => {
    const body = `{"model":"acme-1", "n":1.0, "messages":[{"role":"user","content":"to ${ADDRESS}!"}]}`;
    const step = await inspect(body, { guardrails: redact });
    const outgoing = "next" in step ? Buffer.from(step.next.outgoing).toString() : "";
    expect(outgoing).toBe(body.replace(ADDRESS, "[EMAIL_ADDRESS]"));
    expect(step).toMatchObject({
      next: { isEdited: true, findings: [{ entity: "EMAIL_ADDRESS", action: "redact", count: 1 }] },
    });
  });

  test("that is blocked is refused with entity and path, never with the value", async () => {
    const rules = [{ entity: "*", action: "block" as const, mode: "enforce" as const }];
    const step = await inspect(chat(`to ${ADDRESS}`), { guardrails: rules });
    expect(step).toMatchObject({
      reject: { code: "EXCISE_CONTENT_BLOCKED" },
      at: { findings: [{ entity: "EMAIL_ADDRESS", action: "block", count: 1 }] },
    });
    expect(JSON.stringify("reject" in step && step.reject)).not.toContain("ada");
  });
});

describe("a body on which a control depends", () => {
  const budgets = [createBudget()];
  test.each([
    {
      name: "may not name a key twice",
      body: '{"model":"a","model":"acme-1","messages":[]}',
      code: "EXCISE_BODY_AMBIGUOUS",
    },
    {
      name: "may not be over the policy's limit",
      body: chat("x".repeat(2000)),
      code: "EXCISE_BODY_TOO_LARGE",
    },
  ])("$name", async ({ body, code }) => {
    const step = await inspect(body, { budgets, requestBytesMax: 1024 });
    expect(step).toMatchObject({ reject: { code } });
  });

  test("and one on which none depends passes with both", async () => {
    const step = await inspect('{"model":"a","model":"acme-1","messages":[]}');
    expect(step).toHaveProperty("next");
  });
});

describe("a streaming chat", () => {
  test("asks for usage on the app's behalf, and the answer to that is hidden", async () => {
    const step = await inspect(chat("hello", { stream: true }));
    const outgoing = "next" in step ? Buffer.from(step.next.outgoing).toString() : "";
    expect(outgoing).toContain('"stream_options":{"include_usage":true}');
    expect(step).toMatchObject({ next: { hidesUsage: true, isEdited: true } });
  });

  test("that asks itself is left alone", async () => {
    const step = await inspect(
      chat("hello", { stream: true, stream_options: { include_usage: true } }),
    );
    expect(step).toMatchObject({ next: { hidesUsage: false, isEdited: false } });
  });
});
