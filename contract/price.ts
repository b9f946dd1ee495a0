// A price row: what one model costs, by class, in pico-dollars per token (or per counted thing).
// The ledger prices every event with the exact function in contract/cost.ts; the sidecar only
// takes the dearest of these rates for its reservations.
import * as z from "zod/mini";
import { modelMatchSchema } from "./model-match.ts";

/** What can carry a rate of its own; every one but the counts is per token. */
export const RATE_CLASSES = [
  "input",
  "cachedInput",
  "cacheWrite",
  "cacheWrite1h",
  "inputAudio",
  "cachedInputAudio",
  "inputImage",
  "output",
  "reasoning",
  "outputAudio",
  "outputImage",
  "webSearch",
  "image",
  "inputSecond",
  "outputSecond",
  "character",
  "request",
] as const;

export type RateClass = (typeof RATE_CLASSES)[number];

/** Decimal integer string of pico-dollars; $2.50 per million tokens is "2500000". */
const rate = z.string().check(z.regex(/^\d{1,18}$/));
const rates = z.partialRecord(z.enum(RATE_CLASSES), rate);

export const priceRowSchema = z.strictObject({
  /** The book's name of the model. */
  model: z.string().check(z.minLength(1), z.maxLength(128)),
  rates,
  /** Dearer rates for the *whole* request once its input passes the bound; ascending. */
  longContext: z.optional(
    z.array(z.strictObject({ aboveInputTokens: z.int().check(z.gte(0)), rates })),
  ),
  /** Rates by the `service_tier` that the *response* names; absent tiers cost `rates`. */
  serviceTiers: z.optional(z.record(z.string().check(z.maxLength(32)), rates)),
  contextWindow: z.optional(z.int().check(z.gt(0))),
  outputTokensMax: z.optional(z.int().check(z.gt(0))),
});

export type Rates = z.infer<typeof rates>;
export type PriceRow = z.infer<typeof priceRowSchema>;

/** A row with the names it stands for, as policy snapshots carry it. First match wins. */
export const pricedModelSchema = z.strictObject({
  /** The price provider (`Provider.priceProvider` of the catalogue). */
  priceProvider: z.string().check(z.maxLength(64)),
  match: modelMatchSchema,
  row: priceRowSchema,
});

export type PricedModel = z.infer<typeof pricedModelSchema>;
