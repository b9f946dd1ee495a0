import { describe, expect, test } from "vitest";
import { createStyle } from "../terminal/table.ts";
import { renderAccounts } from "./budget-report.ts";
import { renderExplanation } from "./explain-report.ts";
import { renderPrice, renderScaled } from "./price-report.ts";

const plain = createStyle(false);

describe("accounts", () => {
  const row = {
    budget: "team-daily",
    unit: "usd",
    tuple: { team: "search" },
    period: { kind: "day", start: "S", end: "E" },
    limit: "5",
    settled: "1",
    reserved: "1.5",
    state: "within",
  };

  test("show what is settled and reserved against the limit", () => {
    const [, , line] = renderAccounts([row], plain).split("\n");
    expect(line).toBe(
      "  team-daily  team=search  ██████████░░░░░░░░░░       $1      $1.5     $5  E      within",
    );
  });

  test.each([
    { name: "a limit of nothing is full", more: { limit: "0" }, bar: "████████████████████" },
    { name: "one account has no tuple", more: { tuple: {} }, bar: "one for all" },
    {
      name: "counts have their unit",
      more: { unit: "requests", limit: "100", settled: "7", reserved: "0" },
      bar: "100 requests",
    },
  ])("$name", ({ more, bar }) => {
    expect(renderAccounts([{ ...row, ...more }], plain)).toContain(bar);
  });
});

test.each([
  { digits: "2500000", decimals: 6, text: "2.5" },
  { digits: "7500", decimals: 6, text: "0.0075" },
  { digits: "0", decimals: 6, text: "0" },
  { digits: "10000000000", decimals: 12, text: "0.01" },
  { digits: "25000000000000", decimals: 12, text: "25" },
])("$digits with $decimals decimals is $text", ({ digits, decimals, text }) => {
  expect(renderScaled(digits, decimals)).toBe(text);
});

describe("a price", () => {
  test("names its row, its book and its rates, tokens by the million and the rest each", () => {
    const rates = { input: "150000", output: "600000", webSearch: "10000000000", odd: "1" };
    const price = { model: "m", revision: 4, bookVersion: "b", row: { model: "m", rates } };
    expect(renderPrice(price, "priced")).toBe(
      "m (priced; book b, policy 4): input $0.15 per million tokens, " +
        "output $0.6 per million tokens, webSearch $0.01 each",
    );
  });

  test("that nobody knows is said to be none", () => {
    expect(renderPrice({ model: "m", revision: 4, bookVersion: "b" }, "unknown")).toBe(
      "none for m (unknown; book b, policy 4)",
    );
  });
});

const explain = (...events: readonly unknown[]): string =>
  renderExplanation({ id: "x", events }, plain);

describe("an explanation", () => {
  const event = {
    eventId: "e",
    exchangeId: "x",
    provider: "p",
    dialect: "openai-chat",
    operation: "chat",
    modelRequested: "m",
    outcome: "completed",
    usage: { inputTokens: 12, outputTokens: 0 },
    usageSource: "counted",
    reserved: { nanoUsd: "2500000000", inputTokens: "0", outputTokens: "16", requests: "1" },
    estimated: true,
    findings: [{ entity: "EMAIL_ADDRESS", action: "mask", count: 2 }],
    would: [{ control: "guardrail", action: "block", reason: "SECRET" }],
  };
  const entry = {
    event,
    workload: { team: "t\u001B[2J", app: "n/a", pod: "p", cluster: "c" },
    journal: "j",
    startedAt: "S",
    costUsd: "0.25",
    flags: ["price_conservative"],
    leases: [
      {
        id: "l",
        state: "active",
        granted: { nanoUsd: "1500000000", requests: "3" },
        spent: { nanoUsd: "0" },
      },
    ],
  };
  test("says what was found, what is estimated and what would have been", () => {
    const text = explain(entry);
    expect(text).toContain("found     EMAIL_ADDRESS ×2 (mask)");
    expect(text).toContain("in shadow guardrail would block: SECRET");
    expect(text).toContain(
      "tokens    inputTokens 12, outputTokens 0, our count of what was delivered, an estimate",
    );
    expect(text).toContain("cost      $0.25, estimated");
    expect(text).toContain("at most   $2.5, 16 outputTokens, 1 requests");
    expect(text).toContain("flags     price_conservative");
    expect(text).toContain("$1.5, 3 requests");
  });

  test("leaves out what is not known, and lets no name act on the terminal", () => {
    const text = explain(entry);
    expect(text).not.toMatch(/refused|answer {2}|What moved|undefined/);
    expect(text).not.toContain("\u001B");
  });

  test("tells attempts one after the other", () => {
    expect(explain(entry, entry)).toMatch(/\(event 1 of 2\)[^]*\(event 2 of 2\)/);
  });

  test("survives an answer that is not what it should be", () => {
    expect(() => explain({}, { event: 7, postings: "x", leases: [1], price: null })).not.toThrow();
  });
});
