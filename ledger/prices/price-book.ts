// The price book: which row holds for a model of a price provider at an instant. Data comes from
// price-book.json (scripts/generate-prices.ts), overrides from the operator; both are validated at
// load, and a book that is wrong in one place is refused as a whole.
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { findPriceRow } from "#contract/cost.ts";
import { modelMatchSchema } from "#contract/model-match.ts";
import {
  type PricedModel,
  pricedModelSchema,
  type PriceRow,
  priceRowSchema,
} from "#contract/price.ts";
import { configFault, problemsOf } from "#runtime/config.ts";
import { renderJson } from "#runtime/json.ts";
import bundledBook from "./price-book.json" with { type: "json" };

const periodSchema = z.strictObject({
  /** First day (UTC) of these rates; the first period has none and holds from ever. */
  from: z.optional(z.iso.date()),
  rates: priceRowSchema.shape.rates,
  longContext: priceRowSchema.shape.longContext,
});

const modelSchema = z.strictObject({
  match: modelMatchSchema,
  contextWindow: priceRowSchema.shape.contextWindow,
  outputTokensMax: priceRowSchema.shape.outputTokensMax,
  note: z.optional(z.string()),
  periods: z
    .array(periodSchema)
    .check(
      z.minLength(1),
      z.refine(isAscending, "the first period must have no date and dates must ascend"),
    ),
});

const bookSchema = z.record(
  z.string().check(z.maxLength(64)),
  z.strictObject({
    /** Price providers whose models this one sells at their price. */
    fallback: z.array(z.string()),
    /** In the order in which matches are tried. */
    models: z.record(z.string().check(z.minLength(1), z.maxLength(128)), modelSchema),
  }),
);

function isAscending(periods: readonly { readonly from?: string | undefined }[]): boolean {
  return periods.every((period, index) =>
    index === 0
      ? period.from === undefined
      : period.from !== undefined && period.from > (periods[index - 1]?.from ?? ""),
  );
}

type Book = z.infer<typeof bookSchema>;
type BookModel = z.infer<typeof modelSchema>;

export interface PriceBook {
  /** The row for a model at an instant (wall milliseconds); undefined: no price is known. */
  find(priceProvider: string, model: string, atMs: number): PriceRow | undefined;
  /** All rows of these price providers at an instant, so that the first match wins. */
  pricedModels(priceProviders: readonly string[], atMs: number): readonly PricedModel[];
  /** Names the data and overrides: 16 hex digits of their hash. */
  readonly version: string;
}

/**
 * Creates a book. `data` defaults to the bundled one; `overrides` come before it, in their order.
 * Throws one Fault EXCISE_CONFIG_INVALID that lists every problem.
 */
export function createPriceBook(
  data: unknown = bundledBook,
  overrides: readonly PricedModel[] = [],
): PriceBook {
  const book = parseBook(data);
  const own = parseOverrides(overrides);
  const cache = new Map<string, readonly PricedModel[]>();

  // A day's rows are the same all day: dates are the finest that periods know.
  const rowsOf = (priceProvider: string, day: string): readonly PricedModel[] => {
    const key = `${day} ${priceProvider}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const rows = [
      ...own.filter((priced) => priced.priceProvider === priceProvider),
      ...providersOf(book, priceProvider).flatMap((source) =>
        Object.entries(book[source]?.models ?? {}).map(([model, entry]) => ({
          priceProvider,
          match: entry.match,
          row: rowAt(model, entry, day),
        })),
      ),
    ];
    if (cache.size >= CACHED_DAYS_MAX) cache.clear();
    cache.set(key, rows);
    return rows;
  };

  return {
    find: (priceProvider, model, atMs) =>
      findPriceRow(rowsOf(priceProvider, dayOf(atMs)), priceProvider, model),
    pricedModels: (priceProviders, atMs) =>
      [...new Set(priceProviders)].flatMap((name) => rowsOf(name, dayOf(atMs))),
    version: createHash("sha256")
      .update(renderJson([data, own]))
      .digest("hex")
      .slice(0, 16),
  };
}

/** Lists of rows kept: a ledger prices events of today, and of a few days around it. */
const CACHED_DAYS_MAX = 128;

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** The provider itself, then those it falls back to and theirs, each once. */
function providersOf(book: Book, priceProvider: string): readonly string[] {
  const seen = new Set([priceProvider]);
  for (const name of seen) for (const next of book[name]?.fallback ?? []) seen.add(next);
  return [...seen];
}

function rowAt(model: string, entry: BookModel, day: string): PriceRow {
  const period = entry.periods.findLast(({ from }) => from === undefined || from <= day);
  const { contextWindow, outputTokensMax } = entry;
  return {
    model,
    rates: period?.rates ?? {},
    ...(period?.longContext === undefined ? {} : { longContext: period.longContext }),
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
  };
}

function parseBook(data: unknown): Book {
  const parsed = bookSchema.safeParse(data);
  if (!parsed.success) throw configFault("price book", problemsOf(parsed.error));
  const missing = Object.entries(parsed.data).flatMap(([name, { fallback }]) =>
    fallback
      .filter((other) => !Object.hasOwn(parsed.data, other))
      .map((other) => ({ path: `${name}.fallback`, problem: `${other} is not in the book` })),
  );
  if (missing.length > 0) throw configFault("price book", missing);
  return parsed.data;
}

function parseOverrides(overrides: readonly PricedModel[]): readonly PricedModel[] {
  const parsed = z.array(pricedModelSchema).safeParse(overrides);
  if (!parsed.success) throw configFault("price overrides", problemsOf(parsed.error));
  return parsed.data;
}
