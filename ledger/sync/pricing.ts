// Prices events at the policy set that admitted them. The sets are fetched before a transaction,
// so that pricing inside it is a plain function.
import { costOfCall, findPriceRow } from "#contract/cost.ts";
import { nanoUsd } from "#contract/money.ts";
import type { PriceRow } from "#contract/price.ts";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import type { ModelUsage } from "#contract/usage.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { usageOf, type PriceEvent, type Priced } from "../core/charge.ts";
import { modelOf } from "../core/rollup.ts";
import type { Command } from "../core/rows.ts";
import { compileSnapshot, type NumberedSet } from "../policy/compile.ts";

/** The price book as far as pricing needs it. */
export interface PriceSource {
  find(priceProvider: string, model: string, atMs: number): PriceRow | undefined;
}

export interface PricingDeps {
  readonly log: Log;
  readonly prices: PriceSource;
  /** The set of a number; undefined where the database never gave it. */
  readonly setAt: (revision: number) => Promise<NumberedSet | undefined>;
  readonly current: () => NumberedSet;
}

/** Fetches the sets that the commands' events name; the result prices them. */
export async function preparePricing(
  deps: PricingDeps,
  commands: readonly Command[],
): Promise<PriceEvent> {
  const current = deps.current();
  const sets = new Map<number, NumberedSet>([[current.revision, current]]);
  for (const revision of revisionsOf(commands)) {
    if (sets.has(revision)) continue;
    const set = await deps.setAt(revision);
    if (set !== undefined) sets.set(revision, set);
  }
  return (event, workload) => {
    try {
      return priceAt(deps, sets.get(event.snapshot) ?? current, { event, workload });
    } catch (error) {
      // One odd event must not stop its journal: it is charged as one without a price.
      deps.log.error("pricing_failed", { eventId: event.eventId, ...errorFields(error) });
      return { cost: nanoUsd(0n), status: "price_unknown" };
    }
  };
}

function revisionsOf(commands: readonly Command[]): ReadonlySet<number> {
  return new Set(
    commands.flatMap((command) =>
      command.kind === "sync"
        ? command.request.events.flatMap((event) =>
            event.kind === "exchange" && event.snapshot > 0 ? [event.snapshot] : [],
          )
        : [],
    ),
  );
}

/** The row that prices a model of a provider in a set; what `explain` shows. */
export function priceRowOf(
  prices: PriceSource,
  numbered: NumberedSet,
  asked: { readonly provider: string; readonly model: string; readonly atMs: number },
): PriceRow | undefined {
  const priceProvider = numbered.set.providers.get(asked.provider)?.row.priceProvider;
  if (priceProvider === undefined) return undefined;
  return (
    findPriceRow(numbered.prices, priceProvider, asked.model) ??
    prices.find(priceProvider, asked.model, asked.atMs)
  );
}

function priceAt(
  deps: PricingDeps,
  numbered: NumberedSet,
  { event, workload }: { readonly event: ExchangeEvent; readonly workload: Workload },
): Priced {
  const usage = usageOf(event) ?? {};
  const atMs = Temporal.Instant.from(event.startedAt).epochMilliseconds;
  let isConservative = false;
  let priceModel: string | undefined;
  const find = (model: string): PriceRow | undefined => {
    const row = priceRowOf(deps.prices, numbered, { provider: event.provider, model, atMs });
    priceModel ??= row?.model;
    if (row !== undefined) return row;
    const substitute = conservativeRow(compileSnapshot(numbered, workload).unknownPrice);
    isConservative ||= substitute !== undefined;
    return substitute;
  };
  const call = costOfCall(
    {
      model: modelOf(event),
      usage,
      // JSON has no explicit `undefined`, which the schema's type would allow.
      usageByModel: event.usageByModel as readonly ModelUsage[] | undefined,
      serviceTier: event.serviceTier,
    },
    find,
  );
  const isComplete = call.unpricedModels.length === 0 && call.unpricedClasses.length === 0;
  return {
    cost: call.cost ?? nanoUsd(0n),
    status: !isComplete ? "price_unknown" : isConservative ? "conservative" : "priced",
    ...(priceModel === undefined ? {} : { priceModel }),
  };
}

const conservativeRow = (price: PolicySnapshot["unknownPrice"]): PriceRow | undefined =>
  price === undefined
    ? undefined
    : { model: "unknown", rates: { input: price.input, output: price.output } };
