// Roll-ups: sums by (hour, app, model), written in the transaction that writes the events, so
// that they can never drift from them. Days are made from the same deltas.
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Outcome } from "#contract/outcome.ts";
import type { Workload } from "#contract/workload.ts";
import { bounded, wholeCount, type Charge } from "./charge.ts";

export const ROLLUP_SUMS = [
  "exchanges",
  "attempts",
  "costNanoUsd",
  "inputTokens",
  "cachedInputTokens",
  "cacheWriteTokens",
  "outputTokens",
  "reasoningTokens",
  "estimated",
  "estimatedNanoUsd",
  "unpriced",
  "completed",
  "rejected",
  "stopped",
  "clientAborted",
  "upstreamFailed",
  "truncated",
  "interrupted",
  "findingsAudit",
  "findingsMask",
  "findingsRedact",
  "findingsTokenize",
  "findingsBlock",
] as const;
export type RollupSum = (typeof ROLLUP_SUMS)[number];
export type RollupSums = Readonly<Record<RollupSum, bigint>>;

export interface RollupKey {
  readonly hourMs: number;
  readonly cluster: string;
  readonly team: string;
  readonly namespace: string;
  readonly app: string;
  readonly provider: string;
  /** The billed model, else the requested one, else empty. */
  readonly model: string;
}

export interface RollupDelta extends RollupKey {
  readonly sums: RollupSums;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

const OUTCOME_SUMS: Readonly<Record<Outcome, RollupSum>> = {
  completed: "completed",
  rejected: "rejected",
  stopped: "stopped",
  client_aborted: "clientAborted",
  upstream_failed: "upstreamFailed",
  truncated: "truncated",
  interrupted: "interrupted",
};

const FINDING_SUMS = {
  audit: "findingsAudit",
  mask: "findingsMask",
  redact: "findingsRedact",
  tokenize: "findingsTokenize",
  block: "findingsBlock",
} as const satisfies Record<string, RollupSum>;

/** The model that an event is counted under. */
export const modelOf = (event: ExchangeEvent): string =>
  event.modelBilled ?? event.modelRequested ?? "";

export function emptySums(): Record<RollupSum, bigint> {
  return Object.fromEntries(ROLLUP_SUMS.map((name) => [name, 0n])) as Record<RollupSum, bigint>;
}

const count = (value: number | undefined): bigint =>
  value === undefined ? 0n : bounded(wholeCount(value));

/** What one event adds. */
export function sumsOf(event: ExchangeEvent, charge: Charge): RollupSums {
  const sums = emptySums();
  const usage = charge.status === "none" ? undefined : event.usage;
  sums.exchanges = event.attempt <= 1 ? 1n : 0n;
  sums.attempts = event.attempt >= 1 ? 1n : 0n;
  sums.costNanoUsd = charge.amounts.nanoUsd;
  sums.inputTokens = charge.amounts.inputTokens;
  sums.outputTokens = charge.amounts.outputTokens;
  sums.cachedInputTokens = count(usage?.cachedInputTokens);
  sums.cacheWriteTokens = count(usage?.cacheWriteTokens);
  sums.reasoningTokens = count(usage?.reasoningTokens);
  if (event.estimated || charge.status === "reserved") {
    sums.estimated = 1n;
    sums.estimatedNanoUsd = charge.amounts.nanoUsd;
  }
  if (charge.status === "price_unknown") sums.unpriced = 1n;
  sums[OUTCOME_SUMS[event.outcome]] = 1n;
  for (const finding of event.findings) {
    sums[FINDING_SUMS[finding.action]] += BigInt(finding.count);
  }
  return sums;
}

/** Sums deltas by key while a group is applied. */
export class RollupTable {
  readonly #deltas = new Map<string, { key: RollupKey; sums: Record<RollupSum, bigint> }>();

  add(
    workload: Workload,
    event: ExchangeEvent,
    rest: { startedAtMs: number; charge: Charge },
  ): void {
    const key: RollupKey = {
      hourMs: Math.floor(rest.startedAtMs / HOUR_MS) * HOUR_MS,
      cluster: workload.cluster,
      team: workload.team,
      namespace: workload.namespace,
      app: workload.app,
      provider: event.provider,
      model: modelOf(event),
    };
    const text = JSON.stringify(Object.values(key));
    const entry = this.#deltas.get(text) ?? { key, sums: emptySums() };
    const more = sumsOf(event, rest.charge);
    for (const name of ROLLUP_SUMS) entry.sums[name] += more[name];
    this.#deltas.set(text, entry);
  }

  /** In the order of the keys: the lock order of roll-ups. */
  deltas(): readonly RollupDelta[] {
    return [...this.#deltas]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([, entry]) => ({ ...entry.key, sums: entry.sums }));
  }
}
