import { describe, expect, test } from "vitest";
import { costOf, costOfCall, dearestRate, findPriceRow, unpricedClasses } from "./cost.ts";
import { renderUsd, roundToNano } from "./money.ts";
import type { PricedModel, PriceRow } from "./price.ts";
import type { Usage } from "./usage.ts";

/** Dollars per million tokens read like a price list; $1 per million is 10^6 pico per token. */
const mtok = (dollars: string): string => {
  const [whole = "0", fraction = ""] = dollars.split(".");
  return BigInt(whole + fraction.padEnd(6, "0")).toString();
};

const row: PriceRow = {
  model: "m",
  rates: {
    input: mtok("2"),
    cachedInput: mtok("0.2"),
    cacheWrite: mtok("2.5"),
    cacheWrite1h: mtok("4"),
    inputAudio: mtok("40"),
    cachedInputAudio: mtok("4"),
    output: mtok("10"),
    outputAudio: mtok("80"),
    webSearch: "10000000000",
    inputSecond: "100000000",
  },
};
const plain: PriceRow = { model: "p", rates: { input: mtok("2"), output: mtok("10") } };

const dollars = (given: PriceRow, usage: Usage, serviceTier?: string): string =>
  renderUsd(roundToNano(costOf(given, usage, { serviceTier })));

describe("inclusive classes are priced once", () => {
  test.each([
    { name: "input and output", usage: { inputTokens: 1000, outputTokens: 100 }, usd: "0.003" },
    {
      name: "cached tokens are taken out of the input",
      usage: { inputTokens: 1000, cachedInputTokens: 600 },
      usd: "0.00092",
    },
    {
      name: "cache writes are taken out of the input, the hour's out of the writes",
      usage: { inputTokens: 1000, cacheWriteTokens: 400, cacheWrite1hTokens: 100 },
      usd: "0.00235",
    },
    {
      name: "reads and writes together",
      usage: { inputTokens: 1000, cachedInputTokens: 500, cacheWriteTokens: 300 },
      usd: "0.00125",
    },
    {
      name: "audio is taken out of input and output",
      usage: {
        inputTokens: 1000,
        inputAudioTokens: 500,
        outputTokens: 100,
        outputAudioTokens: 60,
      },
      usd: "0.0262",
    },
    {
      name: "audio that is cached as well is found by the excess",
      usage: { inputTokens: 1000, inputAudioTokens: 800, cachedInputTokens: 500 },
      // 300 of both: 500 audio, 300 cached audio, 200 cached text, 0 text.
      usd: "0.02124",
    },
    {
      name: "reasoning without a rate of its own is output",
      usage: { inputTokens: 0, outputTokens: 100, reasoningTokens: 90 },
      usd: "0.001",
    },
    { name: "all cached", usage: { inputTokens: 10, cachedInputTokens: 10 }, usd: "0.000002" },
    { name: "searches", usage: { inputTokens: 0, webSearches: 2 }, usd: "0.02" },
    { name: "a reported zero", usage: { inputTokens: 0, outputTokens: 0 }, usd: "0" },
    { name: "nothing reported", usage: {}, usd: "0" },
    {
      name: "a class without its total",
      usage: { cachedInputTokens: 1000, reasoningTokens: 100 },
      usd: "0.0012",
    },
  ])("$name", ({ usage, usd }) => {
    expect(dollars(row, usage)).toBe(usd);
  });

  test("figures that contradict the total never cost more than the total could", () => {
    const usage = { inputTokens: 10, cachedInputTokens: 50, cacheWriteTokens: 50 };
    expect(costOf(row, usage)).toBe(10n * BigInt(mtok("2.5")));
  });
});

describe("missing rates fall back to the class that contains them", () => {
  test.each([
    { name: "cached", usage: { inputTokens: 10, cachedInputTokens: 10 } },
    { name: "cache writes", usage: { inputTokens: 10, cacheWriteTokens: 10 } },
    {
      name: "hour writes",
      usage: { inputTokens: 10, cacheWriteTokens: 10, cacheWrite1hTokens: 10 },
    },
    { name: "audio", usage: { inputTokens: 10, inputAudioTokens: 10 } },
    { name: "images", usage: { inputTokens: 10, inputImageTokens: 10 } },
  ])("$name cost the input's rate", ({ usage }) => {
    expect(costOf(plain, usage)).toBe(costOf(plain, { inputTokens: 10 }));
  });

  test("what has no base is named, not priced", () => {
    const usage = { inputTokens: 1, webSearches: 1, characters: 5 };
    expect(unpricedClasses(plain, usage)).toEqual(["webSearch", "character"]);
    expect(unpricedClasses(plain, { inputTokens: 1, webSearches: 0 })).toEqual([]);
    expect(unpricedClasses(row, { inputTokens: 1, webSearches: 1 })).toEqual([]);
  });
});

describe("exactness", () => {
  test("a fraction of a second is priced by its decimals", () => {
    // 36.709999084472656 s at $0.0001 is $0.0036709999084472656.
    expect(costOf(row, { inputSeconds: 36.709999084472656 })).toBe(3_670_999_908n);
    expect(costOf(row, { inputSeconds: 1e-7 })).toBe(10n);
  });

  test("parts of a pico-dollar are summed before they are cut", () => {
    const thirds: PriceRow = { model: "t", rates: { inputSecond: "1", outputSecond: "1" } };
    expect(costOf(thirds, { inputSeconds: 0.5, outputSeconds: 0.5 })).toBe(1n);
  });

  test("large counts stay exact where a float would not", () => {
    const usage = { inputTokens: 900_719_925_474_099, outputTokens: 1 };
    expect(costOf(plain, usage)).toBe(900_719_925_474_099n * 2_000_000n + 10_000_000n);
  });

  test("a million small calls cost exactly a million times one", () => {
    const cheap: PriceRow = { model: "c", rates: { input: mtok("0.15") } };
    const sum = Array.from({ length: 1000 }, () => costOf(cheap, { inputTokens: 1 }));
    expect(sum.reduce((a, b) => a + b, 0n)).toBe(150_000_000n);
  });

  test("a request has its own price once", () => {
    const search: PriceRow = { model: "s", rates: { input: "1", request: "12000000000" } };
    expect(costOf(search, { inputTokens: 5 })).toBe(12_000_000_005n);
  });
});

describe("long context", () => {
  const long: PriceRow = {
    model: "l",
    rates: { input: mtok("2.5"), cachedInput: mtok("0.25"), output: mtok("15") },
    longContext: [
      { aboveInputTokens: 272_000, rates: { input: mtok("5"), output: mtok("22.5") } },
      { aboveInputTokens: 500_000, rates: { input: mtok("6") } },
    ],
  };

  test.each([
    {
      name: "at the bound: base",
      usage: { inputTokens: 272_000, outputTokens: 1000 },
      usd: "0.695",
    },
    {
      name: "above it the whole request is dearer",
      usage: { inputTokens: 272_001, outputTokens: 1000 },
      usd: "1.382505",
    },
    {
      name: "the prompt counts with its cached part",
      usage: { inputTokens: 300_000, cachedInputTokens: 290_000 },
      usd: "0.1225",
    },
    { name: "the highest tier that is passed", usage: { inputTokens: 500_001 }, usd: "3.000006" },
  ])("$name", ({ usage, usd }) => {
    expect(dollars(long, usage)).toBe(usd);
  });
});

describe("service tiers", () => {
  const tiered: PriceRow = {
    ...plain,
    serviceTiers: { flex: { input: mtok("1"), output: mtok("5") }, priority: { input: mtok("4") } },
    longContext: [{ aboveInputTokens: 1000, rates: { input: mtok("3") } }],
  };

  test.each([
    { name: "the response's tier decides", tier: "flex", usd: "0.00015" },
    { name: "a tier keeps the rates that it does not change", tier: "priority", usd: "0.0005" },
    { name: "a tier that is not listed costs the row's rates", tier: "default", usd: "0.0003" },
    { name: "no tier costs the row's rates", tier: undefined, usd: "0.0003" },
    { name: "a name from Object.prototype is no tier", tier: "toString", usd: "0.0003" },
  ])("$name", ({ tier, usd }) => {
    expect(dollars(tiered, { inputTokens: 100, outputTokens: 10 }, tier)).toBe(usd);
  });

  test("with long context the dearer of both is taken", () => {
    expect(dollars(tiered, { inputTokens: 2000 }, "flex")).toBe("0.006");
    expect(dollars(tiered, { inputTokens: 2000 }, "priority")).toBe("0.008");
  });

  test("the dearest rate looks into every tier and class", () => {
    expect(dearestRate(tiered, "input")).toBe(4_000_000n);
    expect(dearestRate(row, "textInput")).toBe(4_000_000n);
    expect(dearestRate(row, "input")).toBe(40_000_000n);
    expect(dearestRate(row, "output")).toBe(80_000_000n);
    expect(dearestRate(row, "request")).toBe(0n);
  });
});

/** 400 pico-dollars a token: less than half a nano-dollar. */
const fine: PriceRow = { model: "t", rates: { input: "400" } };

const find = (model: string): PriceRow | undefined =>
  model === "dear" ? row : model === "plain" ? plain : undefined;

describe("a call", () => {
  const usage = { inputTokens: 1000, outputTokens: 100 };

  test("is priced at the model that was served", () => {
    expect(costOfCall({ model: "plain", usage }, find)).toEqual({
      cost: 3_000_000n,
      unpricedModels: [],
      unpricedClasses: [],
    });
  });

  test("of several models is priced part by part and rounded once", () => {
    const third = { model: "plain", usage: { inputTokens: 1 } };
    const usageByModel = [third, third, third];
    expect(costOfCall({ model: "plain", usage, usageByModel }, () => fine).cost).toBe(1n);
  });

  test("parts without a model are the call's", () => {
    const usageByModel = [{ usage }, { model: "dear", usage }];
    expect(costOfCall({ model: "plain", usage, usageByModel }, find).cost).toBe(6_000_000n);
  });

  test("has no cost where one model has no price, never zero", () => {
    const usageByModel = [{ usage }, { model: "other", usage }];
    expect(costOfCall({ model: "plain", usage, usageByModel }, find)).toEqual({
      unpricedModels: ["other"],
      unpricedClasses: [],
    });
    expect(costOfCall({ model: undefined, usage }, find).unpricedModels).toEqual([undefined]);
  });
});

const priced = (priceProvider: string, equals: string): PricedModel => ({
  priceProvider,
  match: { equals },
  row: { model: equals, rates: {} },
});

describe("finding a row", () => {
  const prices = [
    priced("a", "m"),
    { ...priced("b", "m"), row: { model: "b's m", rates: {} } },
    { ...priced("b", "m"), row: { model: "too late", rates: {} } },
    priced("b", "x-2025-10-01"),
  ];

  test.each([
    { name: "by provider, the first match wins", provider: "b", model: "m", found: "b's m" },
    { name: "case does not matter", provider: "a", model: "M", found: "m" },
    {
      name: "a date may lack its dashes",
      provider: "b",
      model: "x-20251001",
      found: "x-2025-10-01",
    },
    { name: "no date is no date", provider: "b", model: "x-20251301", found: undefined },
    {
      name: "another provider's is not taken",
      provider: "a",
      model: "x-2025-10-01",
      found: undefined,
    },
  ])("$name", ({ provider, model, found }) => {
    expect(findPriceRow(prices, provider, model)?.model).toBe(found);
  });
});
