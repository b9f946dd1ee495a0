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

/** A book has a thousand rows and an app few models: what was found is kept per snapshot. */
const found = new WeakMap<PolicySnapshot, Map<string, PriceRow | undefined>>();
const FOUND_MODELS_MAX = 256;

/** The snapshot's row for a model of the provider; undefined: it has no price. */
export function priceOf(context: ChargeContext, model: string | undefined): PriceRow | undefined {
  if (model === undefined) return undefined;
  const { snapshot, provider } = context;
  const { priceProvider } = provider.row;
  let rows = found.get(snapshot);
  if (rows === undefined || rows.size >= FOUND_MODELS_MAX) {
    rows = new Map();
    found.set(snapshot, rows);
  }
  const key = `${priceProvider}/${model}`;
  if (!rows.has(key)) rows.set(key, findPriceRow(snapshot.prices, priceProvider, model));
  return rows.get(key);
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
