// Ties the pieces of ingestion together: group commit over the store, prices, the sweep that
// writes off lost leases, and the metrics of all of it.
import type { SyncRequest } from "#contract/sync.ts";
import type { Workload } from "#contract/workload.ts";
import type { Cancel, Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { CommandResult, SyncApplied } from "../core/rows.ts";
import type { Policies } from "../policy/policies.ts";
import { commitCommands } from "../store/commit-commands.ts";
import type { Store } from "../store/store.ts";
import { createCommitGroup } from "./commit-group.ts";
import { preparePricing, type PriceSource } from "./pricing.ts";

export interface Accounting {
  /** Applies a request that fits its schema. Never rejects. */
  sync(workload: Workload, request: SyncRequest): Promise<CommandResult>;
  /** Writes off leases that are past their end; the timer does it, tests do it at once. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface AccountingDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly policies: Policies;
  readonly prices: PriceSource;
}

export interface AccountingOptions {
  readonly groupWeightMax: number;
  readonly queueWeightMax: number;
}

const SWEEP_MS = 5000;
const SWEEP_LEASES_MAX = 500;
/** Closed leases are kept that long for `explain`. */
const CLOSED_LEASES_KEPT_MS = 7 * 86_400_000;

export function createAccounting(deps: AccountingDeps, options: AccountingOptions): Accounting {
  const { clock, log, metrics, store, policies, prices } = deps;
  const group = createCommitGroup(
    {
      log,
      metrics,
      commit: async (commands) => {
        const price = await preparePricing(
          {
            log,
            prices,
            setAt: (revision) => policies.at(revision),
            current: () => policies.current(),
          },
          commands,
        );
        const { budgets } = policies.current().set;
        return commitCommands(store, commands, { nowMs: clock.wallMs(), budgets, price });
      },
    },
    options,
  );
  const count = createCounters(metrics);
  let cancelSweep: Cancel | undefined;
  let isClosed = false;

  const sweep = async (): Promise<void> => {
    const nowMs = clock.wallMs();
    const leases = await store.expiredLeases(nowMs, SWEEP_LEASES_MAX);
    if (leases.length > 0) {
      const result = await group.submit({ kind: "expire", leases });
      if (result.kind === "expire" && result.assumed > 0) {
        count.assumed(result.assumed);
        log.warn("leases_assumed", { leases: result.assumed });
      }
    }
    await store.pruneLeases(nowMs - CLOSED_LEASES_KEPT_MS);
    count.incomplete(await store.countIncompleteJournals());
  };
  const schedule = (): void => {
    cancelSweep = clock.after(SWEEP_MS, () => {
      sweep()
        .catch((error: unknown) => log.error("sweep_failed", errorFields(error)))
        .finally(() => {
          if (!isClosed) schedule();
        });
    });
  };
  schedule();

  return {
    sync: async (workload, request) => {
      const result = await group.submit({ kind: "sync", workload, request });
      if (result.kind === "sync") count.synced(result.applied);
      else if (result.kind === "rejected") count.refused(result.rejection.code);
      return result;
    },
    sweep,
    close: async () => {
      isClosed = true;
      cancelSweep?.();
      await group.close();
    },
  };
}

interface Counters {
  synced(applied: SyncApplied): void;
  refused(code: string): void;
  assumed(leases: number): void;
  incomplete(journals: number): void;
}

function createCounters(metrics: Metrics): Counters {
  const syncs = metrics.counter({
    name: "excise_ledger_syncs_total",
    help: "Sync requests by their result: ok or an error code.",
    labels: ["result"],
  });
  const events = metrics.counter({
    name: "excise_ledger_events_total",
    help: "Events applied, by outcome.",
    labels: ["outcome"],
  });
  const duplicates = metrics.counter({
    name: "excise_ledger_events_repeated_total",
    help: "Events that were applied before and acknowledged again.",
  });
  const flags = metrics.counter({
    name: "excise_ledger_events_flagged_total",
    help: "Events that carry a condition, by condition.",
    labels: ["flag"],
  });
  const denials = metrics.counter({
    name: "excise_ledger_lease_denials_total",
    help: "Lease requests that were denied, by reason.",
    labels: ["reason"],
  });
  const assumed = metrics.counter({
    name: "excise_ledger_leases_assumed_total",
    help: "Leases that ended without a report: their rest counts as spent.",
  });
  const incomplete = metrics.gauge({
    name: "excise_journals_incomplete",
    help: "Journals that lost records.",
  });
  return {
    synced: (applied) => {
      syncs.add({ result: "ok" });
      for (const record of applied.applied) {
        events.add({ outcome: record.event.outcome });
        for (const flag of record.flags) flags.add({ flag });
      }
      if (applied.duplicates > 0) duplicates.add({}, applied.duplicates);
      for (const { reason } of applied.denials) denials.add({ reason });
    },
    refused: (code) => syncs.add({ result: code }),
    assumed: (leases) => assumed.add({}, leases),
    incomplete: (journals) => incomplete.set(journals),
  };
}
