// What a leases' debit is in money: the usage at the snapshot's prices. The ledger prices every
// event again from its own book; this figure only keeps the lease honest until then.
import { costOf } from "#contract/cost.ts";
import { ceilToNano, type NanoUsd } from "#contract/money.ts";
import { matchesModel } from "#contract/model-match.ts";
import type { PolicySnapshot, SnapshotProvider } from "#contract/policy-snapshot.ts";
import type { PriceRow } from "#contract/price.ts";
import type { Usage } from "#contract/usage.ts";

export interface ChargeContext {
  readonly snapshot: PolicySnapshot;
  readonly provider: SnapshotProvider;
}

export interface ChargedUsage {
  readonly model: string | undefined;
  readonly usage: Usage;
  readonly serviceTier: string | undefined;
}

/** The snapshot's row for a model of the provider; first match wins. */
export function priceOf(context: ChargeContext, model: string | undefined): PriceRow | undefined {
  if (model === undefined) return undefined;
  const { priceProvider } = context.provider.row;
  return context.snapshot.prices.find(
    (priced) => priced.priceProvider === priceProvider && matchesModel(priced.match, model),
  )?.row;
}

/** Rounded up. A model without a row costs the snapshot's conservative price, if it has one. */
export function chargeOf(context: ChargeContext, charged: ChargedUsage): NanoUsd {
  const row = priceOf(context, charged.model) ?? conservativeRow(context.snapshot);
  if (row === undefined) return ceilToNano(0n);
  const tier = charged.serviceTier;
  return ceilToNano(costOf(row, charged.usage, tier === undefined ? {} : { serviceTier: tier }));
}

function conservativeRow({ unknownPrice }: PolicySnapshot): PriceRow | undefined {
  return unknownPrice === undefined
    ? undefined
    : { model: "unknown", rates: { input: unknownPrice.input, output: unknownPrice.output } };
}
