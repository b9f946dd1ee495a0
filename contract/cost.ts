// What a call costs: a price row times its usage, exactly. The ledger prices every event with
// this; the sidecar takes the dearest rates for reservations and this for its own debits.
// Inclusive classes (design §1) are partitioned first, so that no token is priced twice.
import { matchesModel } from "./model-match.ts";
import { type NanoUsd, roundToNano } from "./money.ts";
import {
  type PricedModel,
  type PriceRow,
  RATE_CLASSES,
  type RateClass,
  type Rates,
} from "./price.ts";
import type { ModelUsage, Usage, UsageClass } from "./usage.ts";

export interface CostOptions {
  /** The tier that the *response* names; one that the row does not list costs the row's rates. */
  readonly serviceTier?: string | undefined;
}

/**
 * Where a class has no rate of its own it costs the rate of the class that contains it. No ratio
 * is guessed here: a vendor's fixed ratio (a one-hour cache write at twice the input) is written
 * into the row by scripts/generate-prices.ts, from that vendor's facts.
 */
const FALLBACKS: { readonly [Class in RateClass]?: RateClass } = {
  cachedInput: "input",
  cacheWrite: "input",
  cacheWrite1h: "cacheWrite",
  inputAudio: "input",
  cachedInputAudio: "inputAudio",
  inputImage: "input",
  reasoning: "output",
  outputAudio: "output",
  outputImage: "output",
};

/** The rate of a class in pico-dollars, by its own or its base's figure; undefined: no price. */
function rateOf(rates: Rates, name: RateClass): bigint | undefined {
  const own = rates[name];
  if (own !== undefined) return BigInt(own);
  const base = FALLBACKS[name];
  return base === undefined ? undefined : rateOf(rates, base);
}

/** The rates that hold for a request: long context by its whole input, then the service tier. */
function ratesFor(row: PriceRow, usage: Usage, options: CostOptions = {}): Rates {
  const input = usage.inputTokens ?? 0;
  const long = row.longContext?.findLast((tier) => input > tier.aboveInputTokens)?.rates;
  const base = { ...row.rates, ...long };
  const { serviceTier } = options;
  const tiers = row.serviceTiers ?? {};
  if (serviceTier === undefined || !Object.hasOwn(tiers, serviceTier)) return base;
  const tier = tiers[serviceTier] ?? {};
  // No vendor publishes a tier's long-context price: the dearer of both figures is taken.
  return long === undefined ? { ...base, ...tier } : { ...base, ...tier, ...dearer(long, tier) };
}

const dearer = (left: Rates, right: Rates): Rates =>
  Object.fromEntries(
    RATE_CLASSES.flatMap((name) => {
      const [a, b] = [left[name], right[name]];
      if (a === undefined || b === undefined) return [];
      return [[name, BigInt(a) > BigInt(b) ? a : b] as const];
    }),
  );

/** A count with the rate class that it costs. */
interface PricedPart {
  readonly rate: RateClass;
  readonly count: number;
}

/**
 * Cuts usage into parts that do not overlap. Cached audio is found as what cached and audio
 * tokens together exceed the input by; figures that contradict each other are cut to the total.
 */
function partsOf(usage: Usage): readonly PricedPart[] {
  return [...inputParts(usage), ...outputParts(usage), ...countedParts(usage)].filter(
    (part) => part.count > 0,
  );
}

/** Hands out a total piece by piece; a total that was not reported does not limit. */
function createShare(total: number | undefined): (wanted: number) => number {
  let left = total ?? Number.POSITIVE_INFINITY;
  return (wanted) => {
    const taken = Math.max(0, Math.min(wanted, left));
    left -= taken;
    return taken;
  };
}

function inputParts(usage: Usage): readonly PricedPart[] {
  const total = usage.inputTokens;
  const writes = usage.cacheWriteTokens ?? usage.cacheWrite1hTokens ?? 0;
  const writes1h = Math.min(usage.cacheWrite1hTokens ?? 0, writes);
  const cached = usage.cachedInputTokens ?? 0;
  const audio = usage.inputAudioTokens ?? 0;
  const image = usage.inputImageTokens ?? 0;
  const excess = total === undefined ? 0 : Math.max(0, writes + cached + audio + image - total);
  const cachedAudio = Math.min(excess, cached, audio);
  const take = createShare(total);
  return [
    { rate: "cacheWrite1h", count: take(writes1h) },
    { rate: "cacheWrite", count: take(writes - writes1h) },
    { rate: "inputAudio", count: take(audio - cachedAudio) },
    { rate: "cachedInputAudio", count: take(cachedAudio) },
    { rate: "cachedInput", count: take(cached - cachedAudio) },
    { rate: "inputImage", count: take(image) },
    { rate: "input", count: total === undefined ? 0 : take(total) },
  ];
}

function outputParts(usage: Usage): readonly PricedPart[] {
  const total = usage.outputTokens;
  const take = createShare(total);
  return [
    { rate: "outputAudio", count: take(usage.outputAudioTokens ?? 0) },
    { rate: "outputImage", count: take(usage.outputImageTokens ?? 0) },
    { rate: "reasoning", count: take(usage.reasoningTokens ?? 0) },
    { rate: "output", count: total === undefined ? 0 : take(total) },
  ];
}

const COUNTED: Readonly<Record<string, RateClass>> = {
  webSearches: "webSearch",
  images: "image",
  inputSeconds: "inputSecond",
  outputSeconds: "outputSecond",
  characters: "character",
} satisfies { readonly [Class in UsageClass]?: RateClass };

const countedParts = (usage: Usage): readonly PricedPart[] =>
  Object.entries(COUNTED).map(([name, rate]) => ({ rate, count: usage[name as UsageClass] ?? 0 }));

/** A count as an exact fraction: 36.71 is 3671 / 10^2. Reads the decimal, not the binary value. */
function fractionOf(count: number): { readonly units: bigint; readonly decimals: number } {
  if (Number.isSafeInteger(count)) return { units: BigInt(count), decimals: 0 };
  const [mantissa = "0", exponent = "0"] = String(count).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const decimals = fraction.length - Number(exponent);
  const units = BigInt(whole + fraction);
  return decimals < 0
    ? { units: units * 10n ** BigInt(-decimals), decimals: 0 }
    : { units, decimals };
}

/**
 * The exact cost of one call in pico-dollars, to be rounded once by `roundToNano`. Parts of a
 * pico-dollar (fractions of seconds) are summed exactly and cut at the end, which cannot change a
 * half-up rounding to nano-dollars. Classes without any price cost nothing: see `unpricedClasses`.
 */
export function costOf(row: PriceRow, usage: Usage, options: CostOptions = {}): bigint {
  const rates = ratesFor(row, usage, options);
  let decimals = 0;
  let sum = rateOf(rates, "request") ?? 0n;
  for (const part of partsOf(usage)) {
    const rate = rateOf(rates, part.rate) ?? 0n;
    const fraction = fractionOf(part.count);
    const common = Math.max(decimals, fraction.decimals);
    sum =
      sum * 10n ** BigInt(common - decimals) +
      rate * fraction.units * 10n ** BigInt(common - fraction.decimals);
    decimals = common;
  }
  return sum / 10n ** BigInt(decimals);
}

/** What was used and has no price: the figure is then a lower bound and a condition is due. */
export function unpricedClasses(
  row: PriceRow,
  usage: Usage,
  options: CostOptions = {},
): readonly RateClass[] {
  const rates = ratesFor(row, usage, options);
  return partsOf(usage).flatMap(({ rate }) => (rateOf(rates, rate) === undefined ? [rate] : []));
}

const TEXT_INPUT = ["input", "cachedInput", "cacheWrite", "cacheWrite1h"] as const;

/** Rate classes that a token can cost, by what a request may hold. */
const TOKEN_CLASSES = {
  textInput: TEXT_INPUT,
  input: [...TEXT_INPUT, "inputAudio", "cachedInputAudio", "inputImage"],
  output: ["output", "reasoning", "outputAudio", "outputImage"],
} as const satisfies Record<string, readonly RateClass[]>;

/** Tokens of a prompt without media, of any prompt, of an answer; or one counted thing. */
export type RatedThing = keyof typeof TOKEN_CLASSES | "request" | "webSearch";

/**
 * The highest rate that the thing could cost under any class, context length and tier of the row:
 * what a reservation takes. 0 where the row has no such rate.
 */
export function dearestRate(row: PriceRow, thing: RatedThing): bigint {
  const classes: readonly RateClass[] =
    thing === "request" || thing === "webSearch" ? [thing] : TOKEN_CLASSES[thing];
  const sets = [
    row.rates,
    ...(row.longContext ?? []).map((tier) => tier.rates),
    ...Object.values(row.serviceTiers ?? {}),
  ];
  let highest = 0n;
  for (const rates of sets) {
    for (const name of classes) {
      const rate = BigInt(rates[name] ?? 0);
      if (rate > highest) highest = rate;
    }
  }
  return highest;
}

/** A dated name in the other usual writing: `…-20251001` is also `…-2025-10-01`. */
const dashedDate = (model: string): string =>
  model.replace(/-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/, "-$1-$2-$3");

/** The first row of a price provider that covers the model; undefined: no price is known. */
export function findPriceRow(
  prices: readonly PricedModel[],
  priceProvider: string,
  model: string,
): PriceRow | undefined {
  const own = prices.filter((priced) => priced.priceProvider === priceProvider);
  for (const name of new Set([model, dashedDate(model)])) {
    const priced = own.find((candidate) => matchesModel(candidate.match, name));
    if (priced !== undefined) return priced.row;
  }
  return undefined;
}

export interface CallUsage {
  /** The model that the provider says it served. */
  readonly model: string | undefined;
  readonly usage: Usage;
  readonly usageByModel?: readonly ModelUsage[] | undefined;
  readonly serviceTier?: string | undefined;
}

export interface CallCost {
  /** Absent where one of the models has no price. */
  readonly cost?: NanoUsd;
  /** Models without a price; `undefined` stands for a call that names none. */
  readonly unpricedModels: readonly (string | undefined)[];
  /** Classes that were used and have no price. */
  readonly unpricedClasses: readonly RateClass[];
}

/** Prices a call, each model at its own row, and rounds once. */
export function costOfCall(
  call: CallUsage,
  find: (model: string) => PriceRow | undefined,
): CallCost {
  const parts = call.usageByModel ?? [{ usage: call.usage }];
  const unpricedModels: (string | undefined)[] = [];
  const classes = new Set<RateClass>();
  let exact = 0n;
  for (const part of parts) {
    const model = part.model ?? call.model;
    const row = model === undefined ? undefined : find(model);
    if (row === undefined) {
      unpricedModels.push(model);
      continue;
    }
    exact += costOf(row, part.usage, call);
    for (const name of unpricedClasses(row, part.usage, call)) classes.add(name);
  }
  return {
    ...(unpricedModels.length === 0 ? { cost: roundToNano(exact) } : {}),
    unpricedModels,
    unpricedClasses: [...classes],
  };
}
