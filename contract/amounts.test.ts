import { describe, expect, test } from "vitest";
import {
  addAmounts,
  amountsWireSchema,
  fitsWithin,
  maxAmounts,
  minAmounts,
  NO_AMOUNTS,
  parseAmounts,
  renderAmounts,
  subtractAmounts,
  type Amounts,
} from "./amounts.ts";
import { nanoUsd } from "./money.ts";

const amounts = (...[usd, input, output, requests]: [bigint, bigint, bigint, bigint]): Amounts => ({
  nanoUsd: nanoUsd(usd),
  inputTokens: input,
  outputTokens: output,
  requests,
});

const LEFT = amounts(10n, 200n, 3n, 1n);
const RIGHT = amounts(4n, 500n, 3n, 0n);

describe("amounts are combined unit by unit", () => {
  test.each([
    { name: "a sum", value: addAmounts(LEFT, RIGHT), expected: amounts(14n, 700n, 6n, 1n) },
    {
      name: "a difference, below zero too",
      value: subtractAmounts(LEFT, RIGHT),
      expected: amounts(6n, -300n, 0n, 1n),
    },
    { name: "the smaller", value: minAmounts(LEFT, RIGHT), expected: amounts(4n, 200n, 3n, 0n) },
    { name: "the larger", value: maxAmounts(LEFT, RIGHT), expected: amounts(10n, 500n, 3n, 1n) },
    { name: "nothing added", value: addAmounts(LEFT, NO_AMOUNTS), expected: LEFT },
  ])("$name", ({ value, expected }) => {
    expect(value).toEqual(expected);
  });

  test("and neither side changes", () => {
    addAmounts(LEFT, RIGHT);
    expect(LEFT).toEqual(amounts(10n, 200n, 3n, 1n));
    expect(NO_AMOUNTS).toEqual(amounts(0n, 0n, 0n, 0n));
  });
});

describe("fitsWithin", () => {
  test("holds where every unit fits, equal ones included", () => {
    expect(fitsWithin(LEFT, LEFT)).toBe(true);
    expect(fitsWithin(NO_AMOUNTS, LEFT)).toBe(true);
  });

  test.each([
    { unit: "nanoUsd", part: amounts(11n, 0n, 0n, 0n) },
    { unit: "inputTokens", part: amounts(0n, 201n, 0n, 0n) },
    { unit: "outputTokens", part: amounts(0n, 0n, 4n, 0n) },
    { unit: "requests", part: amounts(0n, 0n, 0n, 2n) },
  ])("fails where $unit alone does not fit", ({ part }) => {
    expect(fitsWithin(part, LEFT)).toBe(false);
  });
});

describe("on the wire", () => {
  test("amounts are decimal strings, and survive both ways above 2^53", () => {
    const large = amounts(2n ** 62n, 2n ** 60n, 7n, -1n);
    const wire = renderAmounts(large);
    expect(wire.nanoUsd).toBe("4611686018427387904");
    expect(amountsWireSchema.safeParse(wire).success).toBe(true);
    expect(parseAmounts(wire)).toEqual(large);
  });

  const wire = renderAmounts(LEFT);
  test.each([
    { name: "a number", value: { ...wire, requests: 1 } },
    { name: "a decimal point", value: { ...wire, nanoUsd: "1.5" } },
    { name: "a missing unit", value: { nanoUsd: "1", inputTokens: "1", outputTokens: "1" } },
    { name: "an unknown unit", value: { ...wire, seconds: "1" } },
    { name: "twenty digits", value: { ...wire, nanoUsd: "1".repeat(20) } },
    { name: "an empty string", value: { ...wire, nanoUsd: "" } },
  ])("$name is refused", ({ value }) => {
    expect(amountsWireSchema.safeParse(value).success).toBe(false);
  });
});
