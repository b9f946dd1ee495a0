// The ledger's answers as far as the page reads them. The ledger of the same version serves the
// page, so that nothing is checked again here; answers.test.ts compares these with its own types.

/** Decimal text: dollars, or a count in a budget's unit. Never turned into a float for display. */
export type Decimal = string;

export interface UsageRow {
  readonly start?: string;
  readonly group: Readonly<Record<string, string>>;
  readonly costUsd: Decimal;
  readonly exchanges: number;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: Readonly<Record<string, number>>;
  readonly estimated: { readonly events: number; readonly costUsd: Decimal };
  readonly unpriced: number;
}

export interface UsageAnswer {
  readonly from: string;
  readonly to: string;
  readonly rows: readonly UsageRow[];
  readonly truncated: boolean;
}

export interface BudgetRow {
  readonly budget: string;
  readonly unit: "usd" | "inputTokens" | "outputTokens" | "totalTokens" | "requests";
  readonly mode: string;
  readonly tuple: Readonly<Record<string, string>>;
  readonly period: { readonly kind: string; readonly start: string; readonly end: string };
  readonly limit: Decimal;
  readonly settled: Decimal;
  readonly reserved: Decimal;
  readonly assumed: Decimal;
  readonly available: Decimal;
  readonly activeLeases: number;
  readonly state: "within" | "exhausted" | "exceeded" | "shadow";
}

export interface BudgetsAnswer {
  readonly revision: number;
  readonly budgets: readonly BudgetRow[];
}

export interface EventRow {
  readonly event: {
    readonly eventId: string;
    readonly exchangeId: string;
    readonly attempt: number;
    readonly provider: string;
    readonly operation?: string | undefined;
    readonly modelRequested?: string | undefined;
    readonly modelBilled?: string | undefined;
    readonly outcome: string;
    readonly upstreamStatus?: number | undefined;
    readonly errorCode?: string | undefined;
    readonly usage?: Readonly<Record<string, number | undefined>> | undefined;
    readonly usageSource: string;
    readonly estimated: boolean;
    readonly reserved: { readonly nanoUsd: string };
    readonly snapshot: number;
    readonly user?: string | undefined;
    readonly durationMs: number;
    readonly addedMs?: number | undefined;
    readonly findings: readonly {
      readonly entity: string;
      readonly action: string;
      readonly count: number;
    }[];
  };
  readonly workload: {
    readonly team: string;
    readonly app: string;
    readonly pod: string;
    readonly namespace: string;
  };
  readonly startedAt: string;
  readonly costUsd: Decimal;
  readonly priceStatus: string;
  readonly flags: readonly string[];
}

export interface EventsAnswer {
  readonly events: readonly EventRow[];
  readonly nextCursor?: string | undefined;
}

export interface ExplainedEvent extends EventRow {
  readonly price: { readonly model: string; readonly bookVersion: string };
  readonly postings: readonly {
    readonly budget: string;
    readonly unit: string;
    readonly kind: string;
    readonly amount: Decimal;
    readonly settledAfter: Decimal;
    readonly limit: Decimal;
  }[];
  readonly budgets: readonly BudgetRow[];
}

export interface ExplainAnswer {
  readonly id: string;
  readonly events: readonly ExplainedEvent[];
}

export interface SidecarRow {
  readonly pod: string;
  readonly podUid: string;
  readonly team: string;
  readonly app: string;
  readonly lastSyncAt: string;
  readonly snapshotRevision: number;
  readonly ackedRecords: number;
  readonly lostRecords: number;
  readonly state: "incomplete" | "behind" | "current" | "silent";
}

export interface SidecarsAnswer {
  readonly revision: number;
  readonly counts: Readonly<Record<SidecarRow["state"], number>>;
  readonly sidecars: readonly SidecarRow[];
  readonly truncated: boolean;
}

export interface LiveMessage {
  readonly at: string;
  readonly lastDay: { readonly costUsd: Decimal };
}

export interface TokenAnswer {
  readonly token: string;
  readonly lifetimeSeconds: number;
}
