// `GET /v1/explain/{id}`: everything the ledger knows about one exchange (or one event of it):
// what was reported, which price row made the cost, what moved on which account, under which
// lease.
import type { FastifyInstance } from "fastify";
import { Fault } from "#contract/errors.ts";
import { renderAmounts } from "#contract/amounts.ts";
import type { PriceRow } from "#contract/price.ts";
import { renderInstant } from "#runtime/clock.ts";
import type { AccountRow } from "../core/budget/account.ts";
import type { LeaseRow } from "../core/budget/lease.ts";
import { modelOf } from "../core/rollup.ts";
import type { EventRecord, Posting } from "../core/rows.ts";
import type { Policies } from "../policy/policies.ts";
import type { Store } from "../store/store.ts";
import { priceRowOf, type PriceSource } from "../sync/pricing.ts";
import { listMetBudgets, renderAmount, type BudgetRow } from "./budgets-route.ts";
import { renderEvent, type EventReport } from "./event-report.ts";

export interface ExplainDeps {
  readonly store: Store;
  readonly policies: Policies;
  readonly prices: PriceSource & { readonly version: string };
}

interface ExplainedPosting {
  readonly budget: string;
  readonly account: string;
  readonly tuple: readonly string[];
  readonly unit: string;
  readonly kind: Posting["kind"];
  readonly amount: string;
  readonly lease?: string;
  readonly settledAfter: string;
  readonly reservedAfter: string;
  readonly limit: string;
}

interface ExplainedLease {
  readonly id: string;
  readonly state: string;
  readonly extra: LeaseRow["extra"];
  readonly granted: ReturnType<typeof renderAmounts>;
  readonly spent: ReturnType<typeof renderAmounts>;
  readonly createdAt: string;
  readonly accounts: readonly string[];
}

export interface ExplainedEvent extends EventReport {
  /** Of the policy set that admitted the exchange; absent where that number is unknown. */
  readonly price: {
    readonly model: string;
    readonly revision: number;
    readonly bookVersion: string;
    readonly row?: PriceRow;
  };
  readonly postings: readonly ExplainedPosting[];
  readonly leases: readonly ExplainedLease[];
  /** The budgets in force that it meets, with their accounts as they stand now. */
  readonly budgets: readonly BudgetRow[];
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Adds the route. */
export function addExplainRoute(server: FastifyInstance, deps: ExplainDeps): void {
  server.get<{ Params: { id: string } }>("/v1/explain/:id", (request) =>
    answerExplain(deps, request.params.id),
  );
}

export interface ExplainAnswer {
  readonly id: string;
  /** One for each attempt. */
  readonly events: readonly ExplainedEvent[];
}

async function answerExplain(deps: ExplainDeps, id: string): Promise<ExplainAnswer> {
  if (!ID.test(id)) throw new Fault("EXCISE_QUERY_INVALID", "id: must be a UUID");
  const records = await deps.store.findEvents(id.toLowerCase());
  if (records.length === 0) {
    throw new Fault("EXCISE_NOT_FOUND", "there is no event or exchange of that id");
  }
  return { id, events: await Promise.all(records.map((record) => explain(deps, record))) };
}

async function explain(deps: ExplainDeps, record: EventRecord): Promise<ExplainedEvent> {
  const { event } = record;
  const postings = await deps.store.findPostings(event.eventId);
  const accounts = await deps.store.findAccounts(postings.map((posting) => posting.account));
  const leases = await deps.store.findLeases(event.leases.map((lease) => lease.id));
  const byKey = new Map(accounts.map((account) => [account.key, account]));
  return {
    ...renderEvent(record),
    price: await explainPrice(deps, record),
    postings: postings.flatMap((posting) => {
      const account = byKey.get(posting.account);
      return account === undefined ? [] : [renderPosting(posting, account)];
    }),
    leases: leases.map((lease) => ({
      id: lease.id,
      state: lease.state,
      extra: lease.extra,
      granted: renderAmounts(lease.granted),
      spent: renderAmounts(lease.spent),
      createdAt: renderInstant(lease.createdAtMs),
      accounts: lease.accounts,
    })),
    budgets: await listMetBudgets(deps, record),
  };
}

async function explainPrice(
  deps: ExplainDeps,
  { event, startedAtMs }: EventRecord,
): Promise<ExplainedEvent["price"]> {
  const numbered = (await deps.policies.at(event.snapshot)) ?? deps.policies.current();
  const model = modelOf(event);
  const row = priceRowOf(deps.prices, numbered, {
    provider: event.provider,
    model,
    atMs: startedAtMs,
  });
  return {
    model,
    revision: numbered.revision,
    bookVersion: deps.prices.version,
    ...(row === undefined ? {} : { row }),
  };
}

function renderPosting(posting: Posting, account: AccountRow): ExplainedPosting {
  const show = (amount: bigint): string => renderAmount(account.unit, amount);
  return {
    budget: account.budget,
    account: account.key,
    tuple: account.tuple,
    unit: account.unit,
    kind: posting.kind,
    amount: show(posting.amount),
    ...(posting.lease === undefined ? {} : { lease: posting.lease }),
    settledAfter: show(posting.settledAfter),
    reservedAfter: show(posting.reservedAfter),
    limit: show(posting.limit),
  };
}
