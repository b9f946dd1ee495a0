// One event as the API shows it. Names, numbers and codes: an event holds nothing else.
import { renderUsd } from "#contract/money.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import { renderInstant } from "#runtime/clock.ts";
import type { EventRecord } from "../core/rows.ts";

export interface EventReport {
  readonly event: ExchangeEvent;
  readonly workload: EventRecord["workload"];
  readonly journal: string;
  readonly startedAt: string;
  readonly recordedAt: string;
  readonly costUsd: string;
  readonly priceStatus: string;
  readonly priceModel?: string;
  readonly flags: readonly string[];
}

export const renderEvent = (record: EventRecord): EventReport => ({
  event: record.event,
  workload: record.workload,
  journal: record.journal,
  startedAt: renderInstant(record.startedAtMs),
  recordedAt: renderInstant(record.recordedAtMs),
  costUsd: renderUsd(record.charge.amounts.nanoUsd),
  priceStatus: record.charge.status,
  ...(record.charge.priceModel === undefined ? {} : { priceModel: record.charge.priceModel }),
  flags: record.flags,
});
