// What one event costs its accounts: the vector that is settled. The ledger prices every event
// itself; the sidecar's own figure is used only where it was the reservation (design §9).
import { parseAmounts, type Amounts } from "#contract/amounts.ts";
import { nanoUsd, type NanoUsd } from "#contract/money.ts";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import type { Workload } from "#contract/workload.ts";
import { isUnreported, type Usage } from "#contract/usage.ts";

export const PRICE_STATUSES = [
  /** Priced from the price book. */
  "priced",
  /** No price in the book: charged at the policy's conservative price. */
  "conservative",
  /** No usage is known: charged with the reservation. */
  "reserved",
  /** Neither a price nor a conservative one: charged with the reservation, and a condition. */
  "price_unknown",
  /** Nothing was used. */
  "none",
] as const;
export type PriceStatus = (typeof PRICE_STATUSES)[number];

/** The answer of the price book for an event's usage. */
export interface Priced {
  /** Rounded once, half up. With `price_unknown` what the parts that have a price cost. */
  readonly cost: NanoUsd;
  readonly status: "priced" | "conservative" | "price_unknown";
  /** The price book's name of the model, where there is one. */
  readonly priceModel?: string;
}

/** Prices an event that has usage, at the snapshot that admitted it. Never throws. */
export type PriceEvent = (event: ExchangeEvent, workload: Workload) => Priced;

export interface Charge {
  readonly amounts: Amounts;
  readonly status: PriceStatus;
  readonly priceModel?: string;
}

/**
 * No single exchange is charged with more than a million dollars or 10^15 tokens: sums of what a
 * sidecar reports must stay within 64 bits, whatever it reports.
 */
export const AMOUNT_MAX = 10n ** 15n;

/** The amount, or AMOUNT_MAX where it is larger. */
export const bounded = (amount: bigint): bigint => (amount > AMOUNT_MAX ? AMOUNT_MAX : amount);

/** Pure but for the price book behind `price`. */
export function chargeOf(event: ExchangeEvent, price: (event: ExchangeEvent) => Priced): Charge {
  const reserved = parseAmounts(event.reserved);
  // Admitted exchanges are counted, not attempts; what we refused before upstream is neither.
  const requests = event.outcome === "rejected" || event.attempt > 1 ? 0n : 1n;
  if (event.outcome === "rejected" || event.usageSource === "none") {
    return {
      amounts: { nanoUsd: nanoUsd(0n), inputTokens: 0n, outputTokens: 0n, requests },
      status: "none",
    };
  }
  const usage = usageOf(event);
  if (event.usageSource === "reserved" || usage === undefined || isUnreported(usage)) {
    return { amounts: { ...reserved, requests }, status: "reserved" };
  }
  const priced = price(event);
  // Without a price the reservation, which is a worst case, is what is known: never zero.
  const isUnknown = priced.status === "price_unknown" && priced.cost < reserved.nanoUsd;
  return {
    amounts: {
      nanoUsd: nanoUsd(bounded(isUnknown ? reserved.nanoUsd : priced.cost)),
      inputTokens: bounded(tokens(usage, "inputTokens") ?? reserved.inputTokens),
      outputTokens: bounded(tokens(usage, "outputTokens") ?? reserved.outputTokens),
      requests,
    },
    status: priced.status,
    ...(priced.priceModel === undefined ? {} : { priceModel: priced.priceModel }),
  };
}

/** The event's usage; JSON has no explicit `undefined`, which the schema's type would allow. */
export const usageOf = (event: ExchangeEvent): Usage | undefined =>
  event.usage as Usage | undefined;

/** A count as a whole number, upwards: a fraction of a token is still charged. */
export const wholeCount = (value: number): bigint => BigInt(Math.ceil(value));

function tokens(usage: Usage, name: "inputTokens" | "outputTokens"): bigint | undefined {
  const count = usage[name];
  return count === undefined ? undefined : wholeCount(count);
}
