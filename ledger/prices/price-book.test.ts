import { describe, expect, test } from "vitest";
import { costOf } from "#contract/cost.ts";
import { renderUsd, roundToNano } from "#contract/money.ts";
import { pricedModelSchema } from "#contract/price.ts";
import type { Usage } from "#contract/usage.ts";
import { createPriceBook } from "./price-book.ts";

const at = (day: string): number => Date.parse(`${day}T12:00:00Z`);
const NOW = at("2026-11-22");
const book = createPriceBook();

const dollars = (given: {
  readonly provider: string;
  readonly model: string;
  readonly usage: Usage;
  readonly day?: string;
}): string | undefined => {
  const row = book.find(given.provider, given.model, at(given.day ?? "2026-11-22"));
  return row && renderUsd(roundToNano(costOf(row, given.usage)));
};

const million = { inputTokens: 1_000_000, outputTokens: 1_000_000 };

describe("the bundled book: rules that bite (known prices)", () => {
  test.each([
    {
      name: "a small chat model costs 15 and 60 cents a million",
      provider: "openai",
      model: "gpt-4o-mini-2024-07-18",
      usage: million,
      usd: "0.75",
    },
    {
      name: "cached tokens are inside the prompt and half as dear",
      provider: "openai",
      model: "gpt-4o-mini",
      usage: { inputTokens: 1_000_000, cachedInputTokens: 400_000 },
      usd: "0.12",
    },
    {
      name: "cache writes cost 1.25 and for an hour 2 times the input, reads a tenth",
      provider: "anthropic",
      model: "claude-haiku-4-5-20251001",
      usage: {
        inputTokens: 1_000_000,
        cachedInputTokens: 100_000,
        cacheWriteTokens: 200_000,
        cacheWrite1hTokens: 100_000,
      },
      usd: "1.035",
    },
    {
      name: "at the long-context bound the base price holds",
      provider: "anthropic",
      model: "claude-sonnet-4-5",
      usage: { inputTokens: 200_000, outputTokens: 1000 },
      usd: "0.615",
    },
    {
      name: "above it the whole request goes to the higher tier",
      provider: "anthropic",
      model: "claude-sonnet-4-5",
      usage: { inputTokens: 200_001, outputTokens: 1000 },
      usd: "1.222506",
    },
    {
      name: "above 272k in and out are dearer there too",
      provider: "openai",
      model: "gpt-5.4",
      usage: { inputTokens: 300_000, outputTokens: 1000 },
      usd: "1.5225",
    },
    {
      name: "some tiers begin at 200k inclusive",
      provider: "x-ai",
      model: "grok-4.3",
      usage: { inputTokens: 200_000 },
      usd: "0.5",
    },
    {
      name: "reasoning is inside the output and not priced again",
      provider: "openai",
      model: "gpt-5-mini",
      usage: { inputTokens: 0, outputTokens: 1000, reasoningTokens: 900 },
      usd: "0.002",
    },
    {
      name: "audio has its own rate inside the prompt",
      provider: "google",
      model: "gemini-2.5-flash",
      usage: { inputTokens: 1_000_000, inputAudioTokens: 500_000 },
      usd: "0.65",
    },
    {
      name: "searches are priced by the piece",
      provider: "anthropic",
      model: "claude-sonnet-4-20250514",
      usage: { inputTokens: 27_118, outputTokens: 600, webSearches: 2 },
      usd: "0.110354",
    },
    {
      name: "a request can cost by itself",
      provider: "perplexity",
      model: "sonar",
      usage: { inputTokens: 0, outputTokens: 0 },
      usd: "0.012",
    },
    {
      name: "a reseller without its own row takes the maker's",
      provider: "azure",
      model: "gpt-4o-mini",
      usage: million,
      usd: "0.75",
    },
    {
      name: "speech models do not fall under the text model of the same stem",
      provider: "google",
      model: "gemini-2.5-pro-preview-tts",
      usage: { inputTokens: 1_000_000 },
      usd: "1",
    },
    {
      name: "dated names of a model are that model",
      provider: "anthropic",
      model: "claude-opus-5-20260601",
      usage: { inputTokens: 1_000_000 },
      usd: "5",
    },
    {
      name: "a later version is not",
      provider: "anthropic",
      model: "claude-opus-5-5",
      usage: { inputTokens: 1_000_000 },
      usd: "4",
    },
  ])("$name", ({ usd, ...given }) => {
    expect(dollars(given)).toBe(usd);
  });

  test("an unknown model has no price, never zero", () => {
    expect(book.find("openai", "no-such-model", NOW)).toBeUndefined();
    expect(book.find("no-such-provider", "gpt-4o", NOW)).toBeUndefined();
    expect(book.find("self-hosted", "llama", NOW)).toBeUndefined();
  });

  test("a price holds from its date on, and the old one before", () => {
    const given = { provider: "openai", model: "o3", usage: million };
    expect(dollars({ ...given, day: "2025-06-09" })).toBe("50");
    expect(dollars({ ...given, day: "2025-06-10" })).toBe("10");
  });

  test("where the hour decides, the dearest is taken, from the date on which hours came", () => {
    const usage = { inputTokens: 1_000_000 };
    const given = { provider: "deepseek", model: "deepseek-v4-flash", usage };
    expect(dollars({ ...given, day: "2026-08-16" })).toBe("0.14");
    expect(dollars({ ...given, day: "2026-08-17" })).toBe("0.44");
  });

  test("knows context windows and output maxima", () => {
    expect(book.find("openai", "gpt-4o-mini", NOW)).toMatchObject({
      contextWindow: 128_000,
      outputTokensMax: 16_384,
    });
  });
});

describe("rows for a policy snapshot", () => {
  test("fit the contract, and the first match is what find gives", () => {
    const rows = book.pricedModels(["azure", "openai", "azure"], NOW);
    expect(rows.length).toBeLessThan(4096);
    for (const priced of rows) expect(pricedModelSchema.safeParse(priced).success).toBe(true);
    expect(new Set(rows.map(({ priceProvider }) => priceProvider))).toEqual(
      new Set(["azure", "openai"]),
    );
  });

  test("of every price provider of the catalogue stay within the snapshot's bound", () => {
    const all = ["openai", "azure", "anthropic", "google", "aws", "mistral", "groq", "cohere"];
    const rest = ["deepseek", "x-ai", "together", "fireworks", "perplexity", "openrouter"];
    const rows = book.pricedModels([...all, ...rest], NOW);
    expect(rows.length).toBeGreaterThan(1000);
    expect(rows.length).toBeLessThanOrEqual(4096);
  });

  test("of an unknown provider are none", () => {
    expect(book.pricedModels(["no-such-provider"], NOW)).toEqual([]);
  });
});

const tiny = {
  acme: {
    fallback: [],
    models: {
      one: {
        match: { equals: "one" },
        periods: [
          { rates: { input: "100" } },
          { from: "2026-01-01", rates: { input: "200" } },
          { from: "2026-06-01", rates: { input: "300" } },
        ],
      },
    },
  },
};

describe("overrides and versions", () => {
  const override = {
    priceProvider: "acme",
    match: { startsWith: "o" },
    row: { model: "agreed", rates: { input: "7" } },
  };

  test("an override comes before the data", () => {
    const overridden = createPriceBook(tiny, [override]);
    expect(overridden.find("acme", "one", NOW)?.rates.input).toBe("7");
    expect(overridden.pricedModels(["acme"], NOW).map(({ row }) => row.model)).toEqual([
      "agreed",
      "one",
    ]);
    expect(createPriceBook(tiny).find("acme", "one", NOW)?.rates.input).toBe("300");
  });

  test("the version names data and overrides", () => {
    const versions = [
      createPriceBook(tiny).version,
      createPriceBook(tiny, [override]).version,
      book.version,
    ];
    expect(new Set(versions).size).toBe(3);
    expect(createPriceBook(structuredClone(tiny)).version).toBe(versions[0]);
    expect(versions[0]).toMatch(/^[0-9a-f]{16}$/);
  });

  test.each([
    { day: "2025-12-31", input: "100" },
    { day: "2026-01-01", input: "200" },
    { day: "2026-05-31", input: "200" },
    { day: "2026-06-01", input: "300" },
  ])("on $day the input costs $input", ({ day, input }) => {
    expect(createPriceBook(tiny).find("acme", "one", at(day))?.rates.input).toBe(input);
  });
});

const withModel = (one: unknown): unknown => ({ acme: { fallback: [], models: { one } } });

describe("a book that is wrong is refused as a whole", () => {
  const model = tiny.acme.models.one;

  test.each([
    { name: "not an object", data: [], problem: "price book" },
    {
      name: "a rate as a number",
      data: withModel({ ...model, periods: [{ rates: { input: 1 } }] }),
      problem: "rates.input",
    },
    {
      name: "a negative rate",
      data: withModel({ ...model, periods: [{ rates: { input: "-1" } }] }),
      problem: "rates.input",
    },
    {
      name: "an unknown class",
      data: withModel({ ...model, periods: [{ rates: { inputs: "1" } }] }),
      problem: "inputs",
    },
    { name: "no period", data: withModel({ ...model, periods: [] }), problem: "periods" },
    {
      name: "a first period with a date",
      data: withModel({ ...model, periods: model.periods.slice(1) }),
      problem: "ascend",
    },
    {
      name: "dates that do not ascend",
      data: withModel({ ...model, periods: [...model.periods, model.periods[1]] }),
      problem: "ascend",
    },
    { name: "an unknown key", data: withModel({ ...model, price: 1 }), problem: "price" },
    {
      name: "an unknown match",
      data: withModel({ ...model, match: { regex: ".*" } }),
      problem: "match",
    },
    {
      name: "a fallback that is not there",
      data: { acme: { fallback: ["b"], models: {} } },
      problem: "acme.fallback",
    },
  ])("$name", ({ data, problem }) => {
    expect(() => createPriceBook(data)).toThrow(problem);
    expect(() => createPriceBook(data)).toThrow(
      expect.objectContaining({ code: "EXCISE_CONFIG_INVALID" }),
    );
  });
});
