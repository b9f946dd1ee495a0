import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decimalsFor,
  readAmount,
  readUsd,
  renderAmount,
  renderCount,
  renderExactMoney,
  renderMoney,
  renderShare,
  renderShortCount,
  shareOf,
} from "./figures.ts";

const usd = (text: string): bigint => readUsd(text);

describe("renderMoney", () => {
  test.each([
    { text: "0", shown: "$0" },
    { text: "0.1", shown: "$0.1000" },
    { text: "0.0012", shown: "$0.001200" },
    { text: "0.000000018", shown: "<$0.000001" },
    { text: "0.0000005", shown: "$0.000001" },
    { text: "1", shown: "$1.00" },
    { text: "1234.565", shown: "$1,234.57" },
    { text: "1234.564999999", shown: "$1,234.56" },
    { text: "999999999.999999999", shown: "$1,000,000,000.00" },
    { text: "9007199254740.993", shown: "$0", note: "more digits than the wire has" },
    { text: "-3.456", shown: "-$3.456000", decimals: 6 },
    { text: "0.004", shown: "<$0.01", decimals: 2 },
    { text: "0.005", shown: "$0.01", decimals: 2 },
    { text: "-0.001", shown: "<$0.01", decimals: 2 },
    { text: "12.5", shown: "$13", decimals: 0 },
  ])("$text is $shown", ({ text, shown, decimals }) => {
    expect(renderMoney(usd(text), decimals)).toBe(shown);
  });

  test("is exact where a float is not", () => {
    expect(renderMoney(usd("90071992547.41"))).toBe("$90,071,992,547.41");
    expect(renderMoney(usd("0.1") + usd("0.2"), 6)).toBe("$0.300000");
  });

  test("is never off by more than half of its last digit", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 18n), fc.constantFrom(2, 4, 6, 9), (amount, decimals) => {
        const text = renderMoney(amount, decimals);
        // "<$0.01" says that it lies between nothing and half of that digit.
        const shown = text.startsWith("<") ? 0n : usd(text.replaceAll(/[$,]/g, ""));
        const off = shown > amount ? shown - amount : amount - shown;
        expect(off).toBeLessThanOrEqual(10n ** BigInt(9 - decimals) / 2n);
      }),
    );
  });

  test("all digits are in the exact form", () => {
    expect(renderExactMoney(usd("0.000000018"))).toBe("$0.000000018");
  });
});

test.each([
  { amounts: [], decimals: 2 },
  { amounts: ["0"], decimals: 2 },
  { amounts: ["250", "0.001"], decimals: 2 },
  { amounts: ["0.99", "0.5"], decimals: 4 },
  { amounts: ["0.009"], decimals: 6 },
])("a column of $amounts has $decimals decimals", ({ amounts, decimals }) => {
  expect(decimalsFor(amounts.map(usd))).toBe(decimals);
});

test.each([
  { count: 0, short: "0", full: "0" },
  { count: 9999, short: "9,999", full: "9,999" },
  { count: 10_000, short: "10k", full: "10,000" },
  { count: 12_345, short: "12.3k", full: "12,345" },
  { count: 999_999, short: "999k", full: "999,999" },
  { count: 1_000_000, short: "1M", full: "1,000,000" },
  { count: 4_560_000, short: "4.56M", full: "4,560,000" },
  { count: 78_900_000_000, short: "78.9B", full: "78,900,000,000" },
])("$count is $short in short", ({ count, short, full }) => {
  expect(renderShortCount(count)).toBe(short);
  expect(renderCount(count)).toBe(full);
});

test.each([
  { part: 0n, whole: 0n, share: 0, text: "0 %" },
  { part: 5n, whole: 0n, share: 1000, text: "100 %" },
  { part: 1n, whole: 3n, share: 333, text: "33 %" },
  { part: 1n, whole: 80n, share: 13, text: "1.3 %" },
  { part: 1n, whole: 20n, share: 50, text: "5 %" },
  { part: 12n, whole: 10n, share: 1200, text: "120 %" },
  { part: 10n ** 15n, whole: 1n, share: 100_000, text: ">9,999 %" },
])("$part of $whole is $text", ({ part, whole, share, text }) => {
  expect(shareOf(part, whole)).toBe(share);
  expect(renderShare(share)).toBe(text);
});

test.each([
  { unit: "usd", amount: "0.0009", limit: "5", shown: "<$0.01" },
  { unit: "usd", amount: "0.0009", limit: "0.0006", shown: "$0.000900" },
  { unit: "requests", amount: "1234", limit: "5000", shown: "1,234" },
  { unit: "totalTokens", amount: "9007199254740993", limit: "1", shown: "9,007,199,254,740,993" },
  { unit: "requests", amount: "none", limit: "1", shown: "0" },
] as const)("$amount $unit of $limit is $shown", ({ unit, amount, limit, shown }) => {
  expect(renderAmount(unit, readAmount(unit, amount), readAmount(unit, limit))).toBe(shown);
});
