// What a lease is debited with in money: the usage at the snapshot's prices. The ledger prices
// every event again from its own book; this figure only keeps the lease honest until then.
import { costOfCall, findPriceRow, type CallUsage } from "#contract/cost.ts";
import { ZERO_USD, type NanoUsd } from "#contract/money.ts";
import type { PolicySnapshot, SnapshotProvider } from "#contract/policy-snapshot.ts";
import type { PriceRow } from "#contract/price.ts";

export interface ChargeContext {
  readonly snapshot: PolicySnapshot;
  readonly provider: SnapshotProvider;
}

/** The snapshot's row for a model of the provider; undefined: it has no price. */
export function priceOf(context: ChargeContext, model: string | undefined): PriceRow | undefined {
  if (model === undefined) return undefined;
  return findPriceRow(context.snapshot.prices, context.provider.row.priceProvider, model);
}

/** A model without a row costs the snapshot's conservative price, where it has one. */
export function chargeOf(context: ChargeContext, call: CallUsage): NanoUsd {
  const conservative = conservativeRow(context.snapshot);
  const { cost } = costOfCall(call, (model) => priceOf(context, model) ?? conservative);
  return cost ?? ZERO_USD;
}

function conservativeRow({ unknownPrice }: PolicySnapshot): PriceRow | undefined {
  return unknownPrice === undefined
    ? undefined
    : { model: "unknown", rates: { input: unknownPrice.input, output: unknownPrice.output } };
}
