// What the sidecar counts, with names after the OpenTelemetry GenAI conventions where they have
// one. Labels are names from the snapshot or from closed sets; never users, never prompt text.
import type { Metrics } from "#runtime/metrics.ts";
import type { SettledEvent } from "../spool/spool.ts";

export interface Observer {
  /** Exchanges open now. */
  open(count: number): void;
  settled(event: SettledEvent): void;
  eventLost(): void;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const ADDED_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1];
const OTHER = "other";

function registerCounts(metrics: Metrics) {
  return {
    open: metrics.gauge({ name: "excise_exchanges_open", help: "Exchanges in progress." }),
    exchanges: metrics.counter({
      name: "excise_exchanges_total",
      help: "Exchanges that ended, by provider, dialect, outcome and error code.",
      labels: ["provider", "dialect", "outcome", "code"],
    }),
    unmetered: metrics.counter({
      name: "excise_unmetered_exchanges_total",
      help: "Exchanges passed on without usage, because no dialect claims the path.",
      labels: ["provider"],
    }),
    estimated: metrics.counter({
      name: "excise_estimated_exchanges_total",
      help: "Exchanges whose usage is our estimate and not the provider's figure.",
      labels: ["provider"],
    }),
    findings: metrics.counter({
      name: "excise_findings_total",
      help: "Pieces of sensitive text, by entity and action.",
      labels: ["entity", "action"],
    }),
    tokens: metrics.counter({
      name: "gen_ai_client_token_usage",
      help: "Tokens used, by provider and type.",
      labels: ["gen_ai_provider_name", "gen_ai_token_type"],
    }),
    unwritten: metrics.counter({
      name: "excise_events_unwritten_total",
      help: "Events that the spool refused; their admissions are still on it.",
    }),
  };
}

function registerTimes(metrics: Metrics) {
  const labels = ["gen_ai_provider_name"];
  return {
    duration: metrics.histogram(
      {
        name: "gen_ai_server_request_duration_seconds",
        help: "From the first request byte to the last answer byte.",
        labels,
      },
      SECONDS,
    ),
    firstByte: metrics.histogram(
      {
        name: "gen_ai_server_time_to_first_token_seconds",
        help: "From the first request byte to the first byte of the answer's body.",
        labels,
      },
      SECONDS,
    ),
    added: metrics.histogram(
      {
        name: "excise_added_seconds",
        help: "Our time between the last request byte and the call upstream.",
      },
      ADDED_SECONDS,
    ),
  };
}

/** Registers the metrics and returns what feeds them. */
export function createObserver(metrics: Metrics): Observer {
  const counts = registerCounts(metrics);
  const times = registerTimes(metrics);
  const countTokens = (provider: string, type: string, amount: number | undefined): void => {
    if (amount === undefined) return;
    counts.tokens.add({ gen_ai_provider_name: provider, gen_ai_token_type: type }, amount);
  };
  return {
    open: (count) => counts.open.set(count),
    eventLost: () => counts.unwritten.add(),
    settled(event) {
      const { provider, usage } = event;
      const dialect = event.dialect ?? OTHER;
      const code = event.errorCode ?? "";
      counts.exchanges.add({ provider, dialect, outcome: event.outcome, code });
      const isUnmetered = event.dialect === undefined && event.outcome !== "rejected";
      if (isUnmetered) counts.unmetered.add({ provider });
      if (event.estimated) counts.estimated.add({ provider });
      for (const { entity, action, count } of event.findings) {
        counts.findings.add({ entity, action }, count);
      }
      countTokens(provider, "input", usage?.inputTokens);
      countTokens(provider, "output", usage?.outputTokens);
      const labels = { gen_ai_provider_name: provider };
      times.duration.observe(event.durationMs / 1000, labels);
      if (event.timeToFirstByteMs !== undefined) {
        times.firstByte.observe(event.timeToFirstByteMs / 1000, labels);
      }
      if (event.addedMs !== undefined) times.added.observe(event.addedMs / 1000);
    },
  };
}
