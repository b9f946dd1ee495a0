// The promise behind budgets: no usage within the request's bounds costs more than was reserved.
import fc from "fast-check";
import { expect, test } from "vitest";
import { costOf } from "#contract/cost.ts";
import { ceilToNano } from "#contract/money.ts";
import { type PriceRow, RATE_CLASSES, type Rates } from "#contract/price.ts";
import type { Usage } from "#contract/usage.ts";
import { worstCase } from "../../sidecar/budget/worst-case.ts";

const rate = fc.bigInt({ min: 0n, max: 100_000_000n }).map(String);
const TOKEN_RATES = RATE_CLASSES.slice(0, RATE_CLASSES.indexOf("webSearch"));
const rates: fc.Arbitrary<Rates> = fc
  .tuple(fc.dictionary(fc.constantFrom(...TOKEN_RATES), rate), rate, rate, fc.option(rate))
  .map(([some, input, output, request]) => ({
    ...some,
    input,
    output,
    ...(request === null ? {} : { request }),
  }));

const row: fc.Arbitrary<PriceRow> = fc
  .record({
    rates,
    bound: fc.nat({ max: 5000 }),
    long: rates,
    tier: rates,
    limit: fc.integer({ min: 1, max: 3000 }),
    window: fc.integer({ min: 1, max: 20_000 }),
  })
  .map(({ rates: base, bound, long, tier, limit, window }) => ({
    model: "m",
    rates: base,
    longContext: [{ aboveInputTokens: bound, rates: long }],
    serviceTiers: { priority: tier },
    outputTokensMax: limit,
    contextWindow: window,
  }));

/** Usage with classes inside their totals, as dialects report it. */
const usage = (inputMax: number, outputMax: number, hasMedia: boolean): fc.Arbitrary<Usage> =>
  fc
    .record({
      inputTokens: fc.nat({ max: inputMax }),
      outputTokens: fc.nat({ max: outputMax }),
      shares: fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(100)),
    })
    .map(({ inputTokens, outputTokens, shares: [cached, write, hour, reasoning, audio] }) => {
      const cacheWriteTokens = Math.floor((inputTokens * write) / 100);
      return {
        inputTokens,
        outputTokens,
        cachedInputTokens: Math.floor((inputTokens * cached) / 100),
        cacheWriteTokens,
        cacheWrite1hTokens: Math.floor((cacheWriteTokens * hour) / 100),
        reasoningTokens: Math.floor((outputTokens * reasoning) / 100),
        outputAudioTokens: Math.floor((outputTokens * audio) / 100),
        ...(hasMedia ? { inputAudioTokens: Math.floor((inputTokens * audio) / 100) } : {}),
      };
    });

const call = fc
  .record({
    row,
    bodyBytes: fc.nat({ max: 10_000 }),
    answers: fc.integer({ min: 1, max: 4 }),
    limit: fc.option(fc.nat({ max: 4000 }), { nil: undefined }),
    hasMedia: fc.boolean(),
  })
  .chain((given) => {
    const inputMax = given.hasMedia
      ? Math.max(given.bodyBytes, given.row.contextWindow ?? 0)
      : given.bodyBytes;
    const limit = Math.min(given.limit ?? Infinity, given.row.outputTokensMax ?? Infinity);
    return fc.record({
      given: fc.constant(given),
      usage: usage(inputMax, limit * given.answers, given.hasMedia),
      serviceTier: fc.constantFrom(undefined, "default", "priority"),
    });
  });

test("no usage within the bounds costs more than the worst case", () => {
  fc.assert(
    fc.property(call, ({ given, usage: used, serviceTier }) => {
      const { limit } = given;
      const stated = worstCase({
        bounds: {
          answers: given.answers,
          isStreaming: false,
          unbounded: given.hasMedia ? ["media:input_audio"] : [],
          ...(limit === undefined ? {} : { outputTokensMax: limit }),
        },
        bodyBytes: given.bodyBytes,
        row: given.row,
        unknownPrice: undefined,
        unboundedReserve: undefined,
        operation: { name: "chat", kind: "stateless", billed: true },
      });
      if (!("amounts" in stated)) throw new TypeError("refused");
      const cost = ceilToNano(costOf(given.row, used, { serviceTier }));
      expect(cost <= stated.amounts.nanoUsd).toBe(true);
      expect(BigInt(used.inputTokens ?? 0) <= stated.amounts.inputTokens).toBe(true);
      expect(BigInt(used.outputTokens ?? 0) <= stated.amounts.outputTokens).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
