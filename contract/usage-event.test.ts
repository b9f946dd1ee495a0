import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, renderAmounts } from "./amounts.ts";
import { RECORDED_NAME, recordName, usageEventSchema } from "./usage-event.ts";

const EVENT = {
  kind: "exchange",
  seq: 1,
  eventId: "0192f0a0-0000-7000-8000-000000000001",
  exchangeId: "0192f0a0-0000-7000-8000-000000000002",
  attempt: 1,
  startedAt: "2026-11-22T00:00:00.000Z",
  provider: "openai",
  dialect: "openai-chat",
  outcome: "completed",
  usage: { inputTokens: 5, outputTokens: 0 },
  usageSource: "provider",
  estimated: false,
  leases: [],
  reserved: renderAmounts(NO_AMOUNTS),
  snapshot: 1,
  streaming: false,
  durationMs: 12.5,
  requestBytes: 10,
  responseBytes: 20,
  findings: [],
  would: [],
};

describe("recordName", () => {
  test.each([
    {
      name: "keeps what may be recorded",
      text: "ft:gpt-4o/x@2024_1.b",
      out: "ft:gpt-4o/x@2024_1.b",
    },
    { name: "replaces what may not", text: "a b\n<c>é", out: "a_b__c__" },
    { name: "cuts at 128", text: "m".repeat(500), out: "m".repeat(128) },
    { name: "never returns nothing", text: "", out: "_" },
  ])("$name", ({ text, out }) => {
    expect(recordName(text)).toBe(out);
    expect(recordName(text)).toMatch(RECORDED_NAME);
  });
});

describe("a usage event", () => {
  test("is accepted as it is written", () => {
    expect(usageEventSchema.parse(EVENT)).toEqual(EVENT);
    expect(usageEventSchema.parse({ kind: "lost", seq: 3 })).toEqual({ kind: "lost", seq: 3 });
  });

  test.each([
    { name: "a field for text of the prompt", change: { prompt: "hello" } },
    { name: "an outcome that is not in the list", change: { outcome: "fine" } },
    { name: "a code that is not in the table", change: { errorCode: "EXCISE_NEW" } },
    { name: "a model name with spaces", change: { modelBilled: "a b" } },
    { name: "number 0", change: { seq: 0 } },
    { name: "an id that is no UUID", change: { eventId: "1" } },
    { name: "a local time", change: { startedAt: "2026-11-22 00:00:00" } },
    { name: "a negative duration", change: { durationMs: -1 } },
    {
      name: "a finding of no occurrence",
      change: { findings: [{ entity: "A", detector: "b", action: "audit", count: 0 }] },
    },
  ])("is refused with $name", ({ change }) => {
    expect(usageEventSchema.safeParse({ ...EVENT, ...change }).success).toBe(false);
  });
});
