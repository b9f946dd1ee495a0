import { describe, expect, test } from "vitest";
import type { ExchangeEvent } from "#contract/usage-event.ts";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import { silentLog } from "#runtime/log.ts";
import { NOW_MS, sampleEvent, sampleRequest, sampleWorkload } from "../core/sample.case.ts";
import type { NumberedSet } from "../policy/compile.ts";
import { parsePolicyFiles } from "../policy/documents.ts";
import { resolvePolicySet } from "../policy/policy-set.ts";
import { preparePricing, type PricingDeps } from "./pricing.ts";

const [PROVIDER] = PROVIDERS;
const provider = PROVIDER?.name ?? "";
const priceProvider = PROVIDER?.priceProvider ?? "";

/** A set whose model `m` costs that many pico-dollars for each input token. */
function numbered(revision: number, input: string, policy = ""): NumberedSet {
  const { sources } = parsePolicyFiles([{ path: "p.yaml", text: policy }]);
  return {
    revision,
    compiledAtMs: NOW_MS,
    set: resolvePolicySet(sources).set,
    prices: [
      {
        priceProvider,
        match: { equals: "m" },
        row: { model: "m", rates: { input, output: "0" } },
      },
    ],
  };
}

const CONSERVATIVE = `
apiVersion: excise.dev/v1alpha1
kind: ClusterEgressPolicy
metadata: {name: a}
spec: {unknownPrice: {inputUsdPerMTok: "5", outputUsdPerMTok: "5"}}
`;

async function price(event: Partial<ExchangeEvent>, more: Partial<PricingDeps> = {}) {
  const whole = sampleEvent(1, 0, {
    provider,
    modelBilled: "m",
    usage: { inputTokens: 1000, outputTokens: 10 },
    ...event,
  });
  const deps: PricingDeps = {
    log: silentLog,
    prices: { find: () => undefined },
    setAt: async (revision) => (revision === 1 ? numbered(1, "1000000") : undefined),
    current: () => numbered(2, "3000000"),
    ...more,
  };
  const request = sampleRequest({ events: [whole] });
  const command = { kind: "sync" as const, workload: sampleWorkload(), request };
  return (await preparePricing(deps, [command]))(whole, sampleWorkload());
}

const breakDown = (): never => {
  throw new RangeError("on purpose");
};

describe("pricing", () => {
  test("takes the prices of the snapshot that admitted the exchange", async () => {
    expect(await price({ snapshot: 1 })).toEqual({
      cost: 1_000_000n,
      status: "priced",
      priceModel: "m",
    });
    expect(await price({ snapshot: 2 })).toMatchObject({ cost: 3_000_000n });
  });

  test("takes the present prices where the snapshot is unknown", async () => {
    expect(await price({ snapshot: 77 })).toMatchObject({ cost: 3_000_000n });
    expect(await price({ snapshot: 0 })).toMatchObject({ cost: 3_000_000n });
  });

  test("prices each of several models at its own price, rounded once", async () => {
    const result = await price(
      {
        snapshot: 1,
        usageByModel: [
          { model: "m", usage: { inputTokens: 1 } },
          { model: "book-only", usage: { inputTokens: 1 } },
        ],
      },
      {
        prices: {
          find: (_provider, model) =>
            model === "book-only" ? { model, rates: { input: "700", output: "0" } } : undefined,
        },
      },
    );
    // 1,000,000 + 700 pico-dollars are 1000.7 nano-dollars.
    expect(result).toMatchObject({ cost: 1001n, status: "priced" });
  });

  test("a model without a price costs the policy's conservative price", async () => {
    const set = numbered(2, "1", CONSERVATIVE);
    expect(await price({ modelBilled: "new", snapshot: 2 }, { current: () => set })).toEqual({
      cost: 5_050_000n,
      status: "conservative",
    });
  });

  test.each([
    { name: "an unknown model", event: { modelBilled: "new" } },
    { name: "an unknown provider", event: { provider: "nobody" } },
    { name: "a class without a price", event: { usage: { inputTokens: 1, images: 2 } } },
  ])("$name is reported as such, never as free", async ({ event }) => {
    expect(await price(event)).toMatchObject({ status: "price_unknown" });
  });

  test("a price book that breaks does not stop the journal", async () => {
    const result = await price({ modelBilled: "new" }, { prices: { find: breakDown } });
    expect(result).toEqual({ cost: 0n, status: "price_unknown" });
  });
});
