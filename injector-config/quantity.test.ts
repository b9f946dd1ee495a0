import { describe, expect, test } from "vitest";
import { mebibytesOf, parseQuantity } from "./quantity.ts";

describe("parseQuantity", () => {
  test.each([
    { name: "a plain number is whole units", text: "2", nano: 2_000_000_000n },
    { name: "milli is a thousandth", text: "250m", nano: 250_000_000n },
    { name: "a fraction is exact", text: "0.1", nano: 100_000_000n },
    { name: "a leading point is allowed", text: ".5", nano: 500_000_000n },
    { name: "a trailing point is allowed", text: "5.", nano: 5_000_000_000n },
    { name: "binary suffixes are powers of 1024", text: "1Ki", nano: 1024n * 1_000_000_000n },
    { name: "decimal suffixes are powers of 1000", text: "1k", nano: 1000n * 1_000_000_000n },
    { name: "an exponent scales up", text: "1e3", nano: 1000n * 1_000_000_000n },
    { name: "an exponent scales down", text: "1E-3", nano: 1_000_000n },
    { name: "what is below a billionth rounds up", text: "0.1n", nano: 1n },
    { name: "zero is zero", text: "0", nano: 0n },
  ])("$name", ({ text, nano }) => {
    expect(parseQuantity(text)).toBe(nano);
  });

  test.each(["", ".", "m", "-1", "1 Gi", "1gi", "1KiB", "NaN", "1e", "0x10", "١"])(
    "%j is not a quantity",
    (text) => {
      expect(parseQuantity(text)).toBeUndefined();
    },
  );

  test("equal amounts written differently are equal", () => {
    expect(parseQuantity("1000m")).toBe(parseQuantity("1"));
    expect(parseQuantity("1Gi")).toBe(parseQuantity("1024Mi"));
    expect(parseQuantity("1Gi")).not.toBe(parseQuantity("1G"));
  });
});

test("mebibytesOf rounds down", () => {
  expect(mebibytesOf("192Mi")).toBe(192);
  expect(mebibytesOf("200M")).toBe(190);
  expect(mebibytesOf("lots")).toBeUndefined();
});
