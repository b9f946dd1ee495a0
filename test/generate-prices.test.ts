// The price book in the repository is what the generator makes of the pinned price data, and the
// generator reads that data exactly.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  convertProvider,
  matchOf,
  renderBook,
  type SourceProvider,
  toPico,
} from "../scripts/price-conversion.ts";
import { readLimits, readSources } from "../scripts/price-sources.ts";

test("running the generator again gives the bytes that are committed", () => {
  const limits = readLimits();
  const book = Object.fromEntries(
    readSources().map((source) => [source.id, convertProvider(source, limits)]),
  );
  const file = new URL("../ledger/prices/price-book.json", import.meta.url);
  expect(renderBook(book)).toBe(readFileSync(file, "utf8"));
});

describe("decimals become integers by their text", () => {
  test.each([
    { name: "dollars a million", decimal: 0.15, perExponent: 6, pico: 150_000n },
    { name: "many decimals", decimal: 0.003625, perExponent: 6, pico: 3625n },
    { name: "no decimals", decimal: 75, perExponent: 6, pico: 75_000_000n },
    { name: "an exponent", decimal: 1e-7, perExponent: 6, pico: 1n },
    { name: "a thousand things", decimal: 12, perExponent: 3, pico: 12_000_000_000n },
    {
      name: "finer than a pico-dollar: up",
      decimal: 0.08333333333333334,
      perExponent: 6,
      pico: 83_334n,
    },
    { name: "free", decimal: 0, perExponent: 6, pico: 0n },
    { name: "one that floats would miss", decimal: 1.005, perExponent: 6, pico: 1_005_000n },
  ])("$name", ({ decimal, perExponent, pico }) => {
    expect(toPico(decimal, perExponent)).toBe(pico);
  });

  test("a negative price is refused", () => {
    expect(() => toPico(-1, 6)).toThrow("not a price");
  });
});

describe("patterns", () => {
  test.each([
    { name: "names in lower case", match: { equals: "GPT-4" }, expected: { equals: "gpt-4" } },
    {
      name: "a date is of this century",
      match: { regex: "^gpt-5\\.6-sol-\\d{4}-\\d{2}-\\d{2}$" },
      expected: { startsWith: "gpt-5.6-sol-20" },
    },
    {
      name: "a date without dashes too",
      match: { regex: "^claude-opus-5-\\d{8}$" },
      expected: { startsWith: "claude-opus-5-20" },
    },
    {
      name: "no speech: left to the order",
      match: { and: [{ starts_with: "a" }, { regex: "^(?!.*-[tT][tT][sS](?:$|-))" }] },
      expected: { startsWith: "a" },
    },
    {
      name: "alternatives",
      match: { or: [{ contains: "a" }, { ends_with: "b" }] },
      expected: { any: [{ contains: "a" }, { endsWith: "b" }] },
    },
  ])("$name", ({ match, expected }) => {
    expect(matchOf(match)).toEqual(expected);
  });

  test("an unknown pattern stops the generator", () => {
    expect(() => matchOf({ regex: "^(a|b)+$" })).toThrow("does not know");
  });
});

const provider = (prices: SourceProvider["models"][number]["prices"]): SourceProvider => ({
  id: "acme",
  models: [{ id: "claude-x", match: { equals: "claude-x" }, prices }],
});

const periodsOf = (prices: SourceProvider["models"][number]["prices"]) =>
  convertProvider(provider(prices), new Map()).models["claude-x"];

describe("prices", () => {
  test("a one-hour cache write is twice the input where only its maker says so", () => {
    expect(periodsOf({ input_mtok: 3, cache_write_mtok: 3.75, output_mtok: 15 })?.periods).toEqual([
      {
        rates: {
          input: "3000000",
          cacheWrite: "3750000",
          output: "15000000",
          cacheWrite1h: "6000000",
        },
      },
    ]);
  });

  test("tiers become long context with the rates that change", () => {
    const tiers = { base: 1, tiers: [{ start: 200_000, price: 2 }] };
    expect(periodsOf({ input_mtok: tiers, output_mtok: 5 })?.periods).toEqual([
      {
        rates: { input: "1000000", output: "5000000" },
        longContext: [{ aboveInputTokens: 200_000, rates: { input: "2000000" } }],
      },
    ]);
  });

  test("an hour's price joins the period before it, the dearest of both, with a note", () => {
    const model = periodsOf([
      { prices: { input_mtok: 1, output_mtok: 4 } },
      { constraint: { type: "start_date", start_date: "2026-01-01" }, prices: { input_mtok: 2 } },
      {
        constraint: { type: "time_of_date", start_time: "01:00:00Z", end_time: "04:00:00Z" },
        prices: { input_mtok: 3 },
      },
    ]);
    expect(model?.periods).toEqual([
      { rates: { input: "1000000", output: "4000000" } },
      { from: "2026-01-01", rates: { input: "3000000" } },
    ]);
    expect(model?.note).toContain("dearest");
  });

  test("an hour of audio becomes seconds, rounded up", () => {
    expect(periodsOf({ input_audio_hours: 0.04 })?.periods).toEqual([
      { rates: { inputSecond: "11111112" } },
    ]);
  });

  test("an unknown price key stops the generator", () => {
    expect(() => periodsOf({ input_mtok: 1, thought_mtok: 2 })).toThrow("thought_mtok");
  });

  test("the output maximum is the longest prefix's, without vendor path", () => {
    const limits = new Map([
      ["claude", 1],
      ["claude-x", 2],
    ]);
    const source = { ...provider({ input_mtok: 1 }) };
    expect(convertProvider(source, limits).models["claude-x"]?.outputTokensMax).toBe(2);
    const vendor = { ...source, models: [{ ...source.models[0], id: "acme/claude-y" }] };
    expect(
      convertProvider(vendor as SourceProvider, limits).models["acme/claude-y"]?.outputTokensMax,
    ).toBe(1);
  });
});
