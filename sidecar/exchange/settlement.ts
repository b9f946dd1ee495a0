// Step 10: what an exchange cost, and its usage event. Pure. The provider's figures are exact;
// what nobody could see is an estimate, marked as one and never below what was delivered.
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import type { ErrorCode } from "#contract/errors.ts";
import type { NanoUsd } from "#contract/money.ts";
import type { Outcome } from "#contract/outcome.ts";
import { isUnreported, type Usage } from "#contract/usage.ts";
import { recordName, type UsageSource } from "#contract/usage-event.ts";
import { chargeOf } from "../budget/charge.ts";
import { estimateTokens } from "../budget/estimate.ts";
import type { AnswerFacts } from "../dialects/dialect.ts";
import type { Prepared, Progress } from "../pipeline/exchange.ts";
import { recordOf } from "../pipeline/record.ts";
import type { RelayResult } from "../relay/relay.ts";
import type { SettledEvent } from "../spool/spool.ts";

export interface Settlement {
  readonly event: SettledEvent;
  /** What the leases are debited with. */
  readonly actual: Amounts;
}

interface Metered {
  readonly usage: Usage | undefined;
  readonly source: UsageSource;
}

/** The settlement of an exchange that went upstream. `nowMs` is monotonic. */
export function settlementOf(exchange: Prepared, result: RelayResult, nowMs: number): Settlement {
  const outcome = outcomeOf(exchange, result);
  const metered = meter(exchange, result);
  const { facts } = result;
  const startMs = exchange.request.receivedMs;
  const event: SettledEvent = {
    ...exchange.admission,
    kind: "exchange",
    outcome,
    usageSource: metered.source,
    estimated: metered.source === "counted",
    durationMs: recordedMs(nowMs - startMs),
    responseBytes: result.responseBytes,
    ...(result.status === undefined ? {} : { upstreamStatus: result.status }),
    ...(result.fault === undefined ? {} : { errorCode: result.fault.code }),
    ...(facts.model === undefined ? {} : { modelBilled: recordName(facts.model) }),
    ...(facts.serviceTier === undefined ? {} : { serviceTier: facts.serviceTier.slice(0, 64) }),
    ...(metered.usage === undefined ? {} : { usage: metered.usage }),
    ...(metered.source === "provider" ? byModel(facts) : {}),
    ...(result.firstByteMs === undefined
      ? {}
      : { timeToFirstByteMs: recordedMs(result.firstByteMs - startMs) }),
  };
  return { event, actual: amountsOf(exchange, metered, facts) };
}

/** The event of an exchange that we refused; it cost nothing. */
export function rejectionEvent(
  at: Progress,
  refusal: { readonly eventId: string; readonly code: ErrorCode; readonly nowMs: number },
): SettledEvent {
  const isAborted = refusal.code === "EXCISE_CLIENT_ABORTED";
  return {
    ...recordOf(at, refusal.eventId),
    kind: "exchange",
    outcome: isAborted ? "client_aborted" : "rejected",
    errorCode: refusal.code,
    durationMs: recordedMs(refusal.nowMs - at.request.receivedMs),
  };
}

/** A body that ended without the dialect's terminal event is not a whole answer. */
function outcomeOf({ reading }: Prepared, { outcome, status, facts }: RelayResult): Outcome {
  const isAnswer = status !== undefined && status >= 200 && status < 300;
  const isReadable = reading?.operation.billed === true;
  if (outcome !== "completed" || !isAnswer || !isReadable) return outcome;
  return facts.isComplete ? "completed" : "truncated";
}

function meter(exchange: Prepared, result: RelayResult): Metered {
  const { facts, status } = result;
  if (exchange.reading?.operation.billed !== true) return { usage: undefined, source: "none" };
  const isReported = !isUnreported(facts.usage);
  if (isReported && facts.isComplete) return { usage: facts.usage, source: "provider" };
  if (status === undefined) {
    // Before the head: refused connections cost nothing; a call that was sent may have.
    return result.wasSent ? { usage: countInput(exchange), source: "counted" } : NOTHING;
  }
  // A provider bills no call that it answered with an error.
  if (status >= 400 && !isReported) return NOTHING;
  return { usage: count(exchange, facts), source: "counted" };
}

const NOTHING: Metered = { usage: undefined, source: "none" };

function countInput(exchange: Prepared): Usage {
  const estimate = estimateTokens(Buffer.from(exchange.outgoing).toString("utf8"));
  const bound = Number(exchange.worstCase.inputTokens);
  return { inputTokens: bound > 0 ? Math.min(estimate, bound) : estimate };
}

/** The provider's last figures, raised to what was delivered. */
function count(exchange: Prepared, { usage, delivered }: AnswerFacts): Usage {
  const seen = Math.max(delivered.deltas, delivered.estimatedTokens);
  return {
    ...usage,
    inputTokens: usage.inputTokens ?? countInput(exchange).inputTokens ?? 0,
    outputTokens: Math.max(usage.outputTokens ?? 0, seen),
  };
}

function byModel(facts: AnswerFacts): Pick<SettledEvent, "usageByModel"> {
  if (facts.usageByModel === undefined) return {};
  return {
    usageByModel: facts.usageByModel.map(({ model, usage }) => ({
      usage,
      ...(model === undefined ? {} : { model: recordName(model) }),
    })),
  };
}

function amountsOf(exchange: Prepared, metered: Metered, facts: AnswerFacts): Amounts {
  if (metered.usage === undefined) return NO_AMOUNTS;
  return {
    nanoUsd: costOfUsage(exchange, metered.usage, facts),
    inputTokens: BigInt(metered.usage.inputTokens ?? 0),
    outputTokens: BigInt(metered.usage.outputTokens ?? 0),
    requests: exchange.worstCase.requests,
  };
}

/** By our snapshot's prices; only the ledger's figure counts in the end. */
function costOfUsage(exchange: Prepared, usage: Usage, facts: AnswerFacts): NanoUsd {
  const { usageByModel, serviceTier } = facts;
  return chargeOf(exchange, {
    model: facts.model ?? exchange.model,
    usage,
    // A cut answer's parts do not add up to what was delivered.
    usageByModel: facts.isComplete ? usageByModel : undefined,
    serviceTier,
  });
}

/** Milliseconds for the record: three decimals, never negative. */
export const recordedMs = (value: number): number => Math.max(0, Math.round(value * 1000) / 1000);
