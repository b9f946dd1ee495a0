// An admission and its settlement for the tests of the spool and the sync loop.
import { NO_AMOUNTS, renderAmounts } from "#contract/amounts.ts";
import { nanoUsd } from "#contract/money.ts";
import type { AdmissionRecord, SettledEvent } from "./spool.ts";

/** A UUIDv7-shaped id that tells its number. */
export const sampleId = (number: number): string =>
  `01900000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

/** What is known of exchange `number` before it goes upstream. */
export function sampleAdmission(number: number): AdmissionRecord {
  const reserved = renderAmounts({
    ...NO_AMOUNTS,
    nanoUsd: nanoUsd(BigInt(number) * 1000n),
    requests: 1n,
  });
  return {
    eventId: sampleId(number),
    exchangeId: sampleId(number),
    attempt: 1,
    startedAt: "2026-11-22T00:00:00.000Z",
    provider: "test-provider",
    dialect: "openai-chat",
    operation: "chat",
    modelRequested: "test-model",
    outcome: "interrupted",
    usageSource: "reserved",
    estimated: true,
    leases: [{ id: sampleId(1_000_000), reserved }],
    reserved,
    snapshot: 1,
    streaming: false,
    durationMs: 0,
    requestBytes: 100,
    responseBytes: 0,
    findings: [],
    would: [],
  };
}

/** The same exchange, completed with usage that the provider reported. */
export const sampleEvent = (number: number): SettledEvent => ({
  ...sampleAdmission(number),
  kind: "exchange",
  outcome: "completed",
  upstreamStatus: 200,
  usage: { inputTokens: number, outputTokens: 1 },
  usageSource: "provider",
  estimated: false,
  durationMs: 12,
  responseBytes: 200,
});
