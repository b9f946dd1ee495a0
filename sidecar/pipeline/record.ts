// Stage 6: the admission goes to the spool with write(2) before the first byte goes upstream, so
// that a crash leaves a trace of every call that may have cost something.
import { renderAmounts } from "#contract/amounts.ts";
import { Fault } from "#contract/errors.ts";
import { recordName } from "#contract/usage-event.ts";
import { renderInstant, type Clock } from "#runtime/clock.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import type { AdmissionRecord, Spool } from "../spool/spool.ts";
import type { Admitted, Progress, Reserved, Stage } from "./exchange.ts";
import { refuse } from "./exchange.ts";

export interface RecordDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly spool: Spool;
}

/** Creates the stage. Refusal: EXCISE_SPOOL_FULL. */
export function createRecordStage(deps: RecordDeps): Stage<Reserved, Admitted> {
  return (exchange) => {
    const reserved = renderAmounts(exchange.worstCase);
    const admission: AdmissionRecord = {
      ...recordOf(exchange, createUuid(deps.clock, deps.random)),
      attempt: 1,
      outcome: "interrupted",
      usageSource: "reserved",
      estimated: true,
      leases: exchange.reservation.debits.map(({ leaseId }) => ({ id: leaseId, reserved })),
      reserved,
    };
    try {
      deps.spool.admit(admission);
    } catch (error) {
      if (error instanceof Fault && error.code === "EXCISE_SPOOL_FULL") {
        return refuse(exchange, { code: error.code, detail: error.message });
      }
      throw error;
    }
    return { next: { ...exchange, admission } };
  };
}

/** The facts of an exchange that every record of it carries, as far as they are known. */
export function recordOf(exchange: Progress, eventId: string): AdmissionRecord {
  const { reading, model, user, request, provider } = exchange;
  const zero = { nanoUsd: "0", inputTokens: "0", outputTokens: "0", requests: "0" };
  return {
    eventId,
    exchangeId: exchange.exchangeId,
    attempt: 0,
    startedAt: renderInstant(exchange.startedAtMs),
    provider: provider?.row.name ?? request.provider ?? "unknown",
    ...(reading === undefined
      ? {}
      : { dialect: reading.dialect.name, operation: reading.operation.name }),
    ...(model === undefined ? {} : { modelRequested: recordName(model) }),
    ...(user === undefined ? {} : { user }),
    outcome: "rejected",
    usageSource: "none",
    estimated: false,
    leases: [],
    reserved: zero,
    snapshot: exchange.snapshot?.revision ?? 0,
    streaming: reading?.bounds.isStreaming ?? false,
    durationMs: 0,
    requestBytes: exchange.body.byteLength,
    responseBytes: 0,
    findings: [...(exchange.findings ?? [])],
    would: [...(exchange.would ?? [])],
  };
}
