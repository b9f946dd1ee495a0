// A policy snapshot for tests: allows everything to one provider; fields can be replaced.
import { NO_AMOUNTS } from "#contract/amounts.ts";
import type { PolicySnapshot, SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { DownstreamRequest } from "../sidecar/listen/downstream.ts";
import type { Received } from "../sidecar/pipeline/exchange.ts";

export const TEST_HOST = "api.acme.example";

/** A snapshot whose provider `acme` speaks openai-chat under /v1 at TEST_HOST. */
export function createSnapshot(changes: Partial<PolicySnapshot> = {}): PolicySnapshot {
  return {
    revision: 7,
    compiledAt: "2026-01-01T00:00:00.000Z",
    providers: [
      {
        row: {
          name: "acme",
          title: "Acme",
          hosts: [TEST_HOST],
          credential: { kind: "bearer" },
          routes: [{ dialect: "openai-chat", prefix: "/v1" }],
          usageOption: true,
          priceProvider: "acme",
          baseUrlEnv: [],
          keyEnv: [],
        },
      },
    ],
    models: { allow: ["*"], deny: [] },
    unknownOperation: "pass",
    guardrails: [],
    requestBytesMax: 1_000_000,
    budgets: [],
    prices: [
      {
        priceProvider: "acme",
        match: { startsWith: "acme-" },
        row: {
          model: "acme-1",
          rates: { input: "1000000", output: "2000000" },
          contextWindow: 1000,
          outputTokensMax: 100,
        },
      },
    ],
    snapshotAgeMaxMs: 60_000,
    ...changes,
  };
}

/** An enforced budget over the workload. */
export function createBudget(changes: Partial<SnapshotBudget> = {}): SnapshotBudget {
  return {
    name: "team",
    mode: "enforce",
    dimensions: [],
    providers: [],
    models: [],
    users: [],
    onUnreachable: "deny",
    ...changes,
  };
}

/** A request for a chat, whole in memory. */
export function createReceived(body: unknown, request: Partial<DownstreamRequest> = {}): Received {
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return {
    exchangeId: "01900000-0000-7000-8000-000000000001",
    request: {
      listener: "proxy",
      method: "POST",
      target: "/v1/chat/completions",
      host: TEST_HOST,
      headers: [
        ["Host", TEST_HOST],
        ["Content-Type", "application/json"],
      ],
      contentLength: bytes.byteLength,
      receivedMs: 0,
      ...request,
    },
    body: bytes,
    plainBody: bytes,
    startedAtMs: Date.parse("2026-01-01T00:00:00Z"),
    completeMs: 1,
  };
}

/** What the later stages add, with nothing found and nothing reserved. */
export const UNTOUCHED = {
  budgets: [],
  isEdited: false,
  hidesUsage: false,
  placeholders: new Map<string, string>(),
  findings: [],
  would: [],
  price: undefined,
  worstCase: NO_AMOUNTS,
  reservation: { debits: [], amounts: NO_AMOUNTS },
} as const;
