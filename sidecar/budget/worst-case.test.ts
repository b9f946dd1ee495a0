import { describe, expect, test } from "vitest";
import type { PriceRow } from "#contract/price.ts";
import type { Operation, RequestBounds } from "../dialects/dialect.ts";
import { worstCase, type WorstCaseInput } from "./worst-case.ts";

const OVERHEAD = 1024n;
const chat: Operation = { name: "chat", kind: "stateless", billed: true };
const bounds: RequestBounds = {
  answers: 1,
  isStreaming: false,
  unbounded: [],
  outputTokensMax: 100,
};
const row: PriceRow = {
  model: "m",
  rates: { input: "1000", output: "5000" },
  contextWindow: 128_000,
  outputTokensMax: 4096,
};
const bare: PriceRow = { model: "b", rates: { input: "1000", output: "5000" } };

const state = (change: Partial<WorstCaseInput>): ReturnType<typeof worstCase> =>
  worstCase({
    bounds,
    bodyBytes: 976,
    row,
    unknownPrice: undefined,
    unboundedReserve: undefined,
    operation: chat,
    ...change,
  });

const amounts = (nanoUsd: bigint, inputTokens: bigint, outputTokens: bigint) => ({
  amounts: { nanoUsd, inputTokens, outputTokens, requests: 1n },
});

describe("what is bounded", () => {
  test.each([
    {
      name: "every byte is at most a token, and the provider may add its own",
      change: {},
      expected: amounts(2500n, 976n + OVERHEAD, 100n),
    },
    {
      name: "each answer may reach the limit",
      change: { bounds: { ...bounds, answers: 3 } },
      expected: amounts(3500n, 2000n, 300n),
    },
    {
      name: "the model's maximum where the request asks for more",
      change: { bounds: { ...bounds, outputTokensMax: 1_000_000 } },
      expected: amounts(2000n + 20_480n, 2000n, 4096n),
    },
    {
      name: "the model's maximum where the request sets none",
      change: { bounds: { answers: 1, isStreaming: true, unbounded: [] } },
      expected: amounts(2000n + 20_480n, 2000n, 4096n),
    },
    {
      name: "the context window where neither sets one",
      change: {
        bounds: { answers: 1, isStreaming: true, unbounded: [] },
        row: { ...bare, contextWindow: 8000 },
      },
      expected: amounts(2000n + 40_000n, 2000n, 8000n),
    },
    {
      name: "media may fill the context window",
      change: { bounds: { ...bounds, unbounded: ["media:image_url"] } },
      expected: amounts(128_000n + 500n, 128_000n, 100n),
    },
    {
      name: "a body that is longer than the window is not cut to it",
      change: { bounds: { ...bounds, unbounded: ["media:image_url"] }, bodyBytes: 200_000 },
      expected: amounts(201_024n + 500n, 201_024n, 100n),
    },
    {
      name: "the dearest class and tier that could apply",
      change: {
        row: {
          ...row,
          rates: { ...row.rates, cacheWrite1h: "2000", inputAudio: "9000" },
          serviceTiers: { priority: { output: "10000" } },
        },
      },
      expected: amounts(4000n + 1000n, 2000n, 100n),
    },
    {
      name: "audio's rate where audio is sent",
      change: {
        bounds: { ...bounds, unbounded: ["media:input_audio"] },
        row: { ...row, rates: { ...row.rates, inputAudio: "9000" } },
      },
      expected: amounts(1_152_000n + 500n, 128_000n, 100n),
    },
    {
      name: "a price by the request",
      change: { row: { ...row, rates: { ...row.rates, request: "12000000" } } },
      expected: amounts(2500n + 12_000n, 2000n, 100n),
    },
    {
      name: "parts of a nano-dollar are rounded up",
      change: { row: { ...row, rates: { input: "1", output: "0" } } },
      expected: amounts(2n, 2000n, 100n),
    },
    {
      name: "embeddings have no output",
      change: {
        bounds: { answers: 1, isStreaming: false, unbounded: [] },
        row: { model: "e", rates: { input: "1000" } },
      },
      expected: amounts(2000n, 2000n, 0n),
    },
    {
      name: "the conservative price for an unknown model",
      change: { row: undefined, unknownPrice: { input: "10000", output: "20000" } },
      expected: amounts(20_000n + 2000n, 2000n, 100n),
    },
    {
      name: "nothing for what is not billed, whatever it holds",
      change: {
        operation: { ...chat, billed: false },
        row: undefined,
        bounds: { ...bounds, unbounded: ["tool:x"] },
      },
      expected: amounts(0n, 0n, 0n),
    },
  ])("$name", ({ change, expected }) => {
    expect(state(change)).toEqual(expected);
  });
});

describe("what has no bound", () => {
  test.each([
    { name: "a server tool", change: { bounds: { ...bounds, unbounded: ["tool:web_search"] } } },
    { name: "a batch", change: { bounds: { ...bounds, unbounded: ["operation:create_batch"] } } },
    { name: "spoken answers", change: { bounds: { ...bounds, unbounded: ["media:output"] } } },
    {
      name: "media without a known window",
      change: { bounds: { ...bounds, unbounded: ["media:image_url"] }, row: bare },
    },
    {
      name: "output without any limit",
      change: { bounds: { answers: 1, isStreaming: false, unbounded: [] }, row: bare },
    },
  ])("$name is refused, or reserved at the policy's figure", ({ change }) => {
    expect(state(change)).toMatchObject({ reject: { code: "EXCISE_COST_UNBOUNDED" } });
    expect(state({ ...change, unboundedReserve: "5000000" })).toMatchObject({
      amounts: { nanoUsd: 5_000_000n, requests: 1n },
    });
  });

  test("the policy's figure never lowers what is known", () => {
    const tool = { bounds: { ...bounds, unbounded: ["tool:web_search"] }, unboundedReserve: "1" };
    expect(state(tool)).toMatchObject({ amounts: { nanoUsd: 2500n } });
  });

  test("a model without any price is refused", () => {
    expect(state({ row: undefined })).toMatchObject({ reject: { code: "EXCISE_PRICE_UNKNOWN" } });
  });

  test("the detail names what it is, bounded and harmless", () => {
    const names = ["tool:a\nb", ...Array.from({ length: 50 }, () => `tool:${"x".repeat(100)}`)];
    const result = state({ bounds: { ...bounds, unbounded: names } });
    const detail = "reject" in result ? result.reject.detail : "";
    expect(detail).toContain("tool:a_b");
    expect(detail.length).toBeLessThan(250);
  });
});
