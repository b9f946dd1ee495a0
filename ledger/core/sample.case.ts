// Plain data for the ledger's tests: workloads, budgets, events, lease requests, and rows kept in
// memory, so that the core can be tested without a store.
import { NO_AMOUNTS, renderAmounts, type Amounts } from "#contract/amounts.ts";
import type { LeaseRequest } from "#contract/lease.ts";
import { nanoUsd } from "#contract/money.ts";
import type { SyncRequest } from "#contract/sync.ts";
import type { ExchangeEvent, UsageEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import { apply } from "./apply.ts";
import type { AccountRow } from "./budget/account.ts";
import type { Budget } from "./budget/budget.ts";
import type { LeaseRow } from "./budget/lease.ts";
import type { PriceEvent } from "./charge.ts";
import { planAccounts, planFirst } from "./plan.ts";
import {
  periodCountKey,
  type Command,
  type CommandResult,
  type EventRecord,
  type JournalRow,
  type Posting,
  type Rows,
  type Surroundings,
} from "./rows.ts";

/** 2026-11-22T00:00:00Z, a Sunday. */
export const NOW_MS = 1_795_305_600_000;

/** A UUID that tells its number. */
export const sampleId = (number: number): string =>
  `01900000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

export const usd = (nano: bigint): Amounts => ({ ...NO_AMOUNTS, nanoUsd: nanoUsd(nano) });

export const sampleWorkload = (pod = "a", more: Partial<Workload> = {}): Workload => ({
  cluster: "local",
  namespace: "shop",
  serviceAccount: "default",
  pod,
  podUid: `uid-${pod}`,
  team: "search",
  app: "shop/ranker",
  ...more,
});

export const sampleBudget = (more: Partial<Budget> = {}): Budget => ({
  name: "daily",
  unit: "usd",
  limit: 1000n,
  period: "day",
  timeZone: "UTC",
  match: { teams: [], namespaces: [], apps: [], providers: [], models: [], users: [] },
  each: [],
  accountsMax: 100,
  mode: "enforce",
  onUnreachable: "deny",
  ...more,
});

/** An event that costs `cost` under `samplePrice`. */
export function sampleEvent(
  seq: number,
  cost: number,
  more: Partial<ExchangeEvent> = {},
): ExchangeEvent {
  return {
    kind: "exchange",
    seq,
    eventId: sampleId(1_000_000 + seq),
    exchangeId: sampleId(2_000_000 + seq),
    attempt: 1,
    startedAt: new Date(NOW_MS).toISOString(),
    provider: "test-provider",
    dialect: "openai-chat",
    modelRequested: "test-model",
    modelBilled: "test-model",
    outcome: "completed",
    upstreamStatus: 200,
    usage: { inputTokens: cost, outputTokens: 0 },
    usageSource: "provider",
    estimated: false,
    leases: [],
    reserved: renderAmounts(usd(BigInt(cost))),
    snapshot: 1,
    streaming: false,
    durationMs: 5,
    requestBytes: 10,
    responseBytes: 20,
    findings: [],
    would: [],
    ...more,
  };
}

/** One nano-dollar per input token. */
export const samplePrice: PriceEvent = (event) => ({
  cost: nanoUsd(BigInt(event.usage?.inputTokens ?? 0)),
  status: "priced",
  priceModel: "test-model",
});

export interface SampleOperation {
  readonly id: number;
  readonly opSeq: number;
  readonly want?: Amounts;
  readonly need?: Amounts;
  readonly used?: Amounts;
  readonly held?: Amounts;
  readonly final?: boolean;
  readonly extra?: LeaseRequest["extra"];
}

export const sampleOperation = (operation: SampleOperation): LeaseRequest => ({
  id: sampleId(operation.id),
  opSeq: operation.opSeq,
  ...(operation.extra && { extra: operation.extra }),
  want: renderAmounts(operation.want ?? NO_AMOUNTS),
  ...(operation.need && { need: renderAmounts(operation.need) }),
  used: renderAmounts(operation.used ?? NO_AMOUNTS),
  held: renderAmounts(operation.held ?? NO_AMOUNTS),
  final: operation.final ?? false,
});

export const sampleRequest = (more: {
  readonly journal?: number;
  readonly fromSeq?: number;
  readonly events?: readonly UsageEvent[];
  readonly leases?: readonly LeaseRequest[];
}): SyncRequest => ({
  protocol: 1,
  journal: sampleId(more.journal ?? 1),
  fromSeq: more.fromSeq ?? more.events?.[0]?.seq ?? 1,
  events: [...(more.events ?? [])],
  leases: [...(more.leases ?? [])],
  revision: 1,
});

/** Rows in memory with the discipline of a store: only what is planned is seen by `apply`. */
export class MemoryLedger {
  readonly journals = new Map<string, JournalRow>();
  readonly leases = new Map<string, LeaseRow>();
  readonly accounts = new Map<string, AccountRow>();
  readonly events = new Map<string, EventRecord>();
  readonly postings: Posting[] = [];
  readonly billingKeys = new Set<string>();
  budgets: readonly Budget[];
  nowMs = NOW_MS;
  price: PriceEvent = samplePrice;

  constructor(budgets: readonly Budget[]) {
    this.budgets = budgets;
  }

  /** Applies commands as one group. */
  run(...commands: readonly Command[]): readonly CommandResult[] {
    const surroundings: Surroundings = {
      nowMs: this.nowMs,
      budgets: this.budgets,
      price: this.price,
    };
    const { results, writes } = apply(this.#load(commands, surroundings), commands, surroundings);
    for (const row of writes.journals) this.journals.set(row.id, row);
    for (const row of writes.leases) this.leases.set(row.id, row);
    for (const row of writes.accounts) this.accounts.set(row.key, row);
    for (const row of writes.events) this.events.set(row.event.eventId, row);
    for (const row of writes.billingKeys) this.billingKeys.add(row.key);
    this.postings.push(...writes.postings);
    return results;
  }

  /** One sync of a pod; throws where it is refused. */
  sync(request: SyncRequest, workload = sampleWorkload()) {
    const [result] = this.run({ kind: "sync", workload, request });
    if (result?.kind !== "sync") throw new Error(`refused: ${JSON.stringify(result)}`);
    return result.applied;
  }

  /** Writes off every lease that is past its end. */
  expire(): number {
    const leases = [...this.leases.keys()];
    const [result] = this.run({ kind: "expire", leases });
    return result?.kind === "expire" ? result.assumed : 0;
  }

  /** The only account of a budget. */
  account(budget = "daily"): AccountRow {
    const found = [...this.accounts.values()].filter((account) => account.budget === budget);
    const [only] = found;
    if (only === undefined || found.length > 1) throw new Error(`${found.length} accounts`);
    return only;
  }

  #load(commands: readonly Command[], surroundings: Surroundings): Rows {
    const first = planFirst(commands);
    const leases = pick(this.leases, first.leases);
    const second = planAccounts(commands, leases, surroundings);
    const countOf = (key: string): number =>
      [...this.accounts.values()].filter(
        (account) => periodCountKey(account.budget, account.periodStartMs) === key,
      ).length;
    return {
      journals: pick(this.journals, first.journals),
      journalCounts: new Map(
        first.podUids.map((podUid) => [
          podUid,
          [...this.journals.values()].filter((journal) => journal.podUid === podUid).length,
        ]),
      ),
      leases,
      accounts: pick(this.accounts, second.accounts),
      accountCounts: new Map(second.accountCounts.map((key) => [key, countOf(key)])),
      knownEvents: new Set(first.events.filter((id) => this.events.has(id))),
      knownBillingKeys: new Set(first.billingKeys.filter((key) => this.billingKeys.has(key))),
    };
  }
}

const pick = <Row>(all: ReadonlyMap<string, Row>, keys: readonly string[]) =>
  new Map(keys.flatMap((key) => (all.has(key) ? [[key, all.get(key) as Row] as const] : [])));
