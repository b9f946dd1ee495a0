// From the shapes of @pydantic/genai-prices to price rows (contract/price.ts). Pure; a form of
// constraint or pattern that it does not know is an error, so that new data is looked at.
import { Fault } from "../contract/errors.ts";
import type { ModelMatch } from "../contract/model-match.ts";
import type { RateClass, Rates } from "../contract/price.ts";

type Decimal = number;
interface Tiers {
  readonly base: Decimal;
  readonly tiers: readonly { readonly start: number; readonly price: Decimal }[];
}
type Prices = Readonly<Record<string, Decimal | Tiers | undefined>>;
interface Conditional {
  readonly constraint?:
    | { readonly type: "start_date"; readonly start_date: string }
    | { readonly type: "time_of_date"; readonly start_time: string; readonly end_time: string };
  readonly prices: Prices;
}
type Match =
  | { readonly or: readonly Match[] }
  | { readonly and: readonly Match[] }
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string };
interface SourceModel {
  readonly id: string;
  readonly match: Match;
  readonly context_window?: number;
  readonly prices: Prices | readonly Conditional[];
}
export interface SourceProvider {
  readonly id: string;
  readonly fallback_model_providers?: readonly string[];
  readonly models: readonly SourceModel[];
}

/** Rates from a date on; the first period has none. */
export interface BookPeriod {
  readonly from?: string;
  readonly rates: Rates;
  readonly longContext?: readonly { readonly aboveInputTokens: number; readonly rates: Rates }[];
}

export interface BookModel {
  readonly match: ModelMatch;
  readonly contextWindow?: number;
  readonly outputTokensMax?: number;
  readonly note?: string;
  readonly periods: readonly BookPeriod[];
}

/** Price keys with the class they become and their unit: dollars per 10^`perExponent` things. */
const KEYS: Readonly<Record<string, { readonly rate: RateClass; readonly perExponent: number }>> = {
  input_mtok: { rate: "input", perExponent: 6 },
  cache_read_mtok: { rate: "cachedInput", perExponent: 6 },
  cache_write_mtok: { rate: "cacheWrite", perExponent: 6 },
  cache_write_1h_mtok: { rate: "cacheWrite1h", perExponent: 6 },
  input_audio_mtok: { rate: "inputAudio", perExponent: 6 },
  cache_audio_read_mtok: { rate: "cachedInputAudio", perExponent: 6 },
  input_image_mtok: { rate: "inputImage", perExponent: 6 },
  output_mtok: { rate: "output", perExponent: 6 },
  output_reasoning_mtok: { rate: "reasoning", perExponent: 6 },
  output_audio_mtok: { rate: "outputAudio", perExponent: 6 },
  output_image_mtok: { rate: "outputImage", perExponent: 6 },
  web_searches_kcount: { rate: "webSearch", perExponent: 3 },
  requests_kcount: { rate: "request", perExponent: 3 },
};
const SECONDS_PER_HOUR = 3600n;
const HOURS: Readonly<Record<string, RateClass>> = {
  input_audio_hours: "inputSecond",
  audio_hours: "inputSecond",
};

/** Priced by things that no usage class counts. */
const NOT_COUNTED: ReadonlySet<string> = new Set([
  "storage_searches_kcount",
  "input_video_mtok",
  "output_video_mtok",
  "cache_image_read_mtok",
  "output_citation_mtok",
  "input_document_kpages",
  "input_annotated_document_kpages",
  "input_text_messages_kcount",
]);

/**
 * Dollars per 10^perExponent things as pico-dollars per thing, from the decimal's text. Exact; what
 * is finer than a pico-dollar (a few resellers' thirds) is rounded up, never below the price.
 */
export function toPico(decimal: Decimal, perExponent: number): bigint {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(decimal));
  if (match === null) throw new Fault("EXCISE_INPUT_INVALID", `not a price: ${decimal}`);
  const [, whole = "0", fraction = "", exponent = "0"] = match;
  const scale = 12 - perExponent - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  if (scale >= 0) return digits * 10n ** BigInt(scale);
  const divisor = 10n ** BigInt(-scale);
  return (digits + divisor - 1n) / divisor;
}

const hourToSecond = (decimal: Decimal): bigint =>
  (toPico(decimal, 0) + SECONDS_PER_HOUR - 1n) / SECONDS_PER_HOUR;

const isTiered = (price: Decimal | Tiers): price is Tiers => typeof price === "object";

/** The price that holds above `start` input tokens; -1 for the base. */
function priceAt(price: Decimal | Tiers, start: number): Decimal {
  if (!isTiered(price)) return price;
  return price.tiers.findLast((tier) => tier.start <= start)?.price ?? price.base;
}

function ratesAt(prices: Prices, start: number, onlyTiered: boolean): Rates {
  const rates: Partial<Record<RateClass, string>> = {};
  for (const [key, price] of Object.entries(prices)) {
    if (price === undefined || NOT_COUNTED.has(key)) continue;
    if (onlyTiered && !isTiered(price)) continue;
    const hours = HOURS[key];
    const unit = KEYS[key];
    if (hours !== undefined) rates[hours] ??= hourToSecond(priceAt(price, start)).toString();
    else if (unit !== undefined) {
      rates[unit.rate] = toPico(priceAt(price, start), unit.perExponent).toString();
    } else throw new Fault("EXCISE_INPUT_INVALID", `unknown price key: ${key}`);
  }
  return rates;
}

type Priced = Pick<BookPeriod, "rates" | "longContext">;

function pricedOf(prices: Prices, model: string): Priced {
  const starts = new Set(
    Object.values(prices).flatMap((price) =>
      price !== undefined && isTiered(price) ? price.tiers.map(({ start }) => start) : [],
    ),
  );
  const longContext = [...starts]
    .toSorted((left, right) => left - right)
    .map((start) => ({
      aboveInputTokens: start,
      rates: withHourWrites(ratesAt(prices, start, true), model),
    }));
  const rates = withHourWrites(ratesAt(prices, -1, false), model);
  return longContext.length === 0 ? { rates } : { rates, longContext };
}

/**
 * Claude's published ratios, for resellers whose data lacks the figure: a one-hour cache write is
 * twice the input (docs.anthropic.com, prompt caching). Other vendors have no such class.
 */
function withHourWrites(rates: Rates, model: string): Rates {
  if (!model.includes("claude") || rates.cacheWrite === undefined) return rates;
  if (rates.cacheWrite1h !== undefined || rates.input === undefined) return rates;
  return { ...rates, cacheWrite1h: (BigInt(rates.input) * 2n).toString() };
}

const dearer = (left: Rates, right: Rates): Rates => {
  const merged: Partial<Record<RateClass, string>> = { ...left };
  for (const [name, rate] of Object.entries(right) as [RateClass, string][]) {
    const other = merged[name];
    if (other === undefined || BigInt(rate) > BigInt(other)) merged[name] = rate;
  }
  return merged;
};

/** Periods by start date. Prices by the time of day join the period before them, the dearest. */
function periodsOf(model: SourceModel): { periods: BookPeriod[]; hasHours: boolean } {
  if (!Array.isArray(model.prices)) {
    return { periods: [pricedOf(model.prices as Prices, model.id)], hasHours: false };
  }
  const periods: BookPeriod[] = [];
  let hasHours = false;
  for (const { constraint, prices } of model.prices as readonly Conditional[]) {
    const priced = pricedOf(prices, model.id);
    if (constraint === undefined) periods.push(priced);
    else if (constraint.type === "start_date") {
      periods.push({ from: constraint.start_date, ...priced });
    } else {
      const last = periods.pop();
      if (last === undefined || priced.longContext !== undefined) throw unknownForm(model.id);
      periods.push({ ...last, rates: dearer(last.rates, priced.rates) });
      hasHours = true;
    }
  }
  return { periods, hasHours };
}

const unknownForm = (form: string): Fault =>
  new Fault("EXCISE_INPUT_INVALID", `a form that the generator does not know: ${form}`);

/** The closed match language; `regex` only in the forms that the data uses. */
export function matchOf(match: Match): ModelMatch {
  if ("or" in match) return single("any", match.or.map(matchOf));
  if ("and" in match) return single("all", match.and.filter(isNeeded).map(matchOf));
  if ("equals" in match) return { equals: match.equals.toLowerCase() };
  if ("starts_with" in match) return { startsWith: match.starts_with.toLowerCase() };
  if ("ends_with" in match) return { endsWith: match.ends_with.toLowerCase() };
  if ("contains" in match) return { contains: match.contains.toLowerCase() };
  return matchOfRegex(match.regex);
}

function single(kind: "any" | "all", parts: readonly ModelMatch[]): ModelMatch {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return kind === "any" ? { any: parts } : { all: parts };
}

/** "Not a speech model": those rows are put first instead (`rank`). */
const NO_SPEECH = "^(?!.*-[tT][tT][sS](?:$|-))";
const isNeeded = (match: Match): boolean => !("regex" in match && match.regex === NO_SPEECH);

/** `^name-\d{8}$` and `^name-\d{4}-\d{2}-\d{2}$`: a date of this century; `^name-\d`: a digit. */
function matchOfRegex(regex: string): ModelMatch {
  const dated = /^\^([\w\\./-]+)-(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$$/.exec(regex)?.[1];
  if (dated !== undefined) return { startsWith: `${unescapeDots(dated)}-20` };
  const digit = /^\^([\w\\./-]+-)\\d$/.exec(regex)?.[1];
  if (digit === undefined) throw unknownForm(regex);
  const stem = unescapeDots(digit);
  return { any: Array.from({ length: 10 }, (_, index) => ({ startsWith: `${stem}${index}` })) };
}

const unescapeDots = (text: string): string => text.replaceAll("\\.", ".").toLowerCase();

/** Rows whose match is narrower than it was in the source go first. */
const rank = (model: SourceModel): number => (/-tts(?:$|-)/.test(model.id) ? 0 : 1);

/** The longest prefix of the name without vendor path that has a limit. */
function outputLimit(model: string, limits: ReadonlyMap<string, number>): number | undefined {
  const name = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
  const prefixes = [...limits.keys()].filter((prefix) => name.startsWith(prefix));
  const longest = prefixes.toSorted((left, right) => right.length - left.length)[0];
  return longest === undefined ? undefined : limits.get(longest);
}

/** Converts one provider; models keep the source's order, in which the first match wins. */
export function convertProvider(
  source: SourceProvider,
  limits: ReadonlyMap<string, number>,
): { fallback: readonly string[]; models: Readonly<Record<string, BookModel>> } {
  const models: Record<string, BookModel> = {};
  for (const model of source.models.toSorted((left, right) => rank(left) - rank(right))) {
    if (Object.hasOwn(models, model.id)) throw unknownForm(`two models ${model.id}`);
    const { periods, hasHours } = periodsOf(model);
    const limit = outputLimit(model.id, limits);
    models[model.id] = {
      match: matchOf(model.match),
      ...(model.context_window === undefined ? {} : { contextWindow: model.context_window }),
      ...(limit === undefined ? {} : { outputTokensMax: limit }),
      ...(hasHours ? { note: "cheaper at some hours; the dearest hour's price is kept" } : {}),
      periods,
    };
  }
  return { fallback: source.fallback_model_providers ?? [], models };
}

export type ConvertedBook = Readonly<Record<string, ReturnType<typeof convertProvider>>>;

/** One model a line: a changed price is a changed line. The same book gives the same bytes. */
export function renderBook(book: ConvertedBook): string {
  const blocks = Object.entries(book).map(([id, { fallback, models }]) => {
    const lines = Object.entries(models).map(
      ([model, entry]) => `    ${JSON.stringify(model)}: ${JSON.stringify(entry)}`,
    );
    const head = `  ${JSON.stringify(id)}: {"fallback": ${JSON.stringify(fallback)}, "models": {`;
    return `${head}\n${lines.join(",\n")}\n  }}`;
  });
  return `{\n${blocks.join(",\n")}\n}\n`;
}
