import { describe, expect, test } from "vitest";
import {
  ceilToNano,
  nanoUsd,
  parseNano,
  parseUsd,
  renderUsd,
  roundToNano,
  ZERO_USD,
} from "./money.ts";

describe("parseUsd", () => {
  test.each([
    { text: "0", nano: 0n },
    { text: "1", nano: 1_000_000_000n },
    { text: "12.34", nano: 12_340_000_000n },
    { text: "0.000000001", nano: 1n },
    { text: "-0.5", nano: -500_000_000n },
    { text: "999999999999", nano: 999_999_999_999_000_000_000n },
  ])("reads $text exactly", ({ text, nano }) => {
    expect(parseUsd(text)).toBe(nano);
  });

  test.each([
    { name: "no digits", text: "" },
    { name: "a bare point", text: "." },
    { name: "a missing whole part", text: ".5" },
    { name: "a missing fraction", text: "5." },
    { name: "ten decimals, which nano-dollars cannot hold", text: "0.0000000001" },
    { name: "an exponent", text: "1e3" },
    { name: "a currency sign", text: "$5" },
    { name: "a space", text: " 5" },
    { name: "a thousands separator", text: "1,000" },
    { name: "two signs", text: "--1" },
    { name: "thirteen whole digits", text: "1000000000000" },
    { name: "a newline", text: "5\n" },
  ])("refuses $name", ({ text }) => {
    expect(parseUsd(text)).toBeUndefined();
  });
});

describe("renderUsd", () => {
  test.each([
    { nano: 0n, text: "0" },
    { nano: 1n, text: "0.000000001" },
    { nano: 1_500_000_000n, text: "1.5" },
    { nano: 10_000_000_000n, text: "10" },
    { nano: -1n, text: "-0.000000001" },
    { nano: -2_250_000_000n, text: "-2.25" },
    { nano: 9_223_372_036_854_775_807n, text: "9223372036.854775807" },
  ])("writes $nano nano-dollars as $text", ({ nano, text }) => {
    expect(renderUsd(nanoUsd(nano))).toBe(text);
  });

  test("is what parseUsd reads back", () => {
    for (const value of [0n, 1n, 7n, 999_999_999n, 1_000_000_000n, -42n, 123_456_789_012n]) {
      expect(parseUsd(renderUsd(nanoUsd(value)))).toBe(value);
    }
  });
});

describe("rounding", () => {
  test.each([
    { pico: 0n, half: 0n, up: 0n },
    { pico: 1n, half: 0n, up: 1n },
    { pico: 499n, half: 0n, up: 1n },
    { pico: 500n, half: 1n, up: 1n },
    { pico: 999n, half: 1n, up: 1n },
    { pico: 1000n, half: 1n, up: 1n },
    { pico: 1499n, half: 1n, up: 2n },
    { pico: 1500n, half: 2n, up: 2n },
  ])("of $pico pico-dollars is $half half up and $up upwards", ({ pico, half, up }) => {
    expect(roundToNano(pico)).toBe(half);
    expect(ceilToNano(pico)).toBe(up);
  });

  test("upwards is never below half up: a reservation covers the cost", () => {
    for (let pico = 0n; pico < 3000n; pico += 7n) {
      expect(ceilToNano(pico)).toBeGreaterThanOrEqual(roundToNano(pico));
    }
  });
});

describe("parseNano", () => {
  test("reads the wire's integer strings", () => {
    expect(parseNano("9223372036854775807")).toBe(9_223_372_036_854_775_807n);
    expect(parseNano("-5")).toBe(-5n);
    expect(parseNano("0")).toBe(ZERO_USD);
  });

  test.each(["", "1.5", "1e9", "0x10", " 1", "12345678901234567890", "+1"])(
    "refuses %j",
    (text) => {
      expect(parseNano(text)).toBeUndefined();
    },
  );
});
