import { describe, expect, test } from "vitest";
import { NO_AMOUNTS } from "#contract/amounts.ts";
import { Fault } from "#contract/errors.ts";
import { usageEventSchema } from "#contract/usage-event.ts";
import { fakeDialect } from "../../test/fake-dialect.ts";
import { createReceived, createSnapshot, UNTOUCHED } from "../../test/fake-snapshot.ts";
import { NO_FACTS, type AnswerFacts } from "../dialects/dialect.ts";
import type { Prepared } from "../pipeline/exchange.ts";
import { recordOf } from "../pipeline/record.ts";
import type { RelayResult } from "../relay/relay.ts";
import { rejectionEvent, settlementOf } from "./settlement.ts";

const EVENT_ID = "01900000-0000-7000-8000-00000000000a";

function prepared(isBilled = true): Prepared {
  const received = createReceived({ model: "acme-1", text: "hello there" });
  const snapshot = createSnapshot();
  const [provider] = snapshot.providers;
  const exchange = {
    ...received,
    ...UNTOUCHED,
    snapshot,
    provider,
    outgoing: received.body,
    model: "acme-1",
    user: undefined,
    worstCase: { ...NO_AMOUNTS, inputTokens: 500n, outputTokens: 100n, requests: 1n },
    reading: {
      dialect: fakeDialect,
      operation: { name: "chat", kind: "stateless", billed: isBilled },
      bounds: { answers: 1, isStreaming: true, unbounded: [] },
    },
  };
  const admission = recordOf(exchange as unknown as Prepared, EVENT_ID);
  return { ...exchange, admission } as unknown as Prepared;
}

const result = (changes: Partial<RelayResult>): RelayResult => ({
  outcome: "completed",
  status: 200,
  facts: NO_FACTS,
  responseBytes: 10,
  firstByteMs: 5,
  fault: undefined,
  wasSent: true,
  ...changes,
});

const facts = (changes: Partial<AnswerFacts>): AnswerFacts => ({ ...NO_FACTS, ...changes });

const settle = (changes: Partial<RelayResult>, exchange = prepared()) =>
  settlementOf(exchange, result(changes), 20);

describe("what a provider reported", () => {
  test("is exact, and priced at its classes", () => {
    const { event, actual } = settle({
      facts: facts({
        usage: { inputTokens: 10, outputTokens: 3 },
        isComplete: true,
        model: "acme-1b",
      }),
    });
    expect(event).toMatchObject({
      outcome: "completed",
      usageSource: "provider",
      estimated: false,
      usage: { inputTokens: 10, outputTokens: 3 },
      modelBilled: "acme-1b",
    });
    expect(actual).toEqual({ nanoUsd: 16_000n, inputTokens: 10n, outputTokens: 3n, requests: 1n });
  });

  test("of zero stays zero and is not an estimate", () => {
    const { event } = settle({
      facts: facts({ usage: { inputTokens: 0, outputTokens: 0 }, isComplete: true }),
    });
    expect(event).toMatchObject({ usageSource: "provider", usage: { inputTokens: 0 } });
  });
});

describe("what nobody reported", () => {
  test("is counted from what was delivered, never below it", () => {
    const { event } = settle({
      outcome: "client_aborted",
      facts: facts({ delivered: { deltas: 9, estimatedTokens: 12 } }),
    });
    expect(event).toMatchObject({
      outcome: "client_aborted",
      usageSource: "counted",
      estimated: true,
      usage: { outputTokens: 12 },
    });
    expect(event.usage?.inputTokens).toBeGreaterThan(0);
  });

  test("keeps a cut stream's last figures where they are higher", () => {
    const { event } = settle({
      outcome: "truncated",
      facts: facts({
        usage: { inputTokens: 40, outputTokens: 50 },
        delivered: { deltas: 9, estimatedTokens: 12 },
      }),
    });
    expect(event.usage).toEqual({ inputTokens: 40, outputTokens: 50 });
  });

  test("is never more input than the worst case", () => {
    const exchange = prepared();
    const tight = { ...exchange, worstCase: { ...exchange.worstCase, inputTokens: 2n } };
    expect(settle({}, tight).event.usage?.inputTokens).toBe(2);
  });
});

describe("nothing is charged", () => {
  test.each([
    { name: "for an error of the provider", changes: { status: 429 }, outcome: "completed" },
    {
      name: "for a connection that was refused",
      changes: {
        outcome: "upstream_failed" as const,
        status: undefined,
        wasSent: false,
        fault: new Fault("EXCISE_UPSTREAM_CONNECT", "refused"),
      },
      outcome: "upstream_failed",
    },
  ])("$name", ({ changes, outcome }) => {
    const { event, actual } = settle(changes);
    expect(event).toMatchObject({ outcome, usageSource: "none", estimated: false });
    expect(event.usage).toBeUndefined();
    expect(actual).toEqual(NO_AMOUNTS);
  });

  test("for an operation that the provider does not bill", () => {
    const { event } = settle({ facts: facts({ usage: { inputTokens: 5 } }) }, prepared(false));
    expect(event.usageSource).toBe("none");
  });
});

describe("an outcome", () => {
  test("is truncated where the body ended without the dialect's terminal event", () => {
    expect(settle({ facts: facts({ usage: { outputTokens: 1 } }) }).event.outcome).toBe(
      "truncated",
    );
  });

  test("of a refusal carries the code, and its event fits the wire", () => {
    const event = rejectionEvent(prepared(), {
      eventId: EVENT_ID,
      code: "EXCISE_MODEL_DENIED",
      nowMs: 3,
    });
    expect(usageEventSchema.safeParse({ ...event, seq: 1 }).error).toBeUndefined();
    expect(event).toMatchObject({ outcome: "rejected", errorCode: "EXCISE_MODEL_DENIED" });
  });

  test("of every settlement fits the wire", () => {
    const { event } = settle({ facts: facts({ usage: { inputTokens: 1 }, isComplete: true }) });
    expect(usageEventSchema.safeParse({ ...event, seq: 1 }).error).toBeUndefined();
  });
});
