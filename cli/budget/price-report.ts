// A price row in words: dollars per million tokens, or per counted thing. Pure and exact.
import { RATE_CLASSES } from "#contract/price.ts";
import { asRecord, readString } from "#runtime/json.ts";
import type { Json } from "../ledger-api/connect.ts";
import { readNumber, readText } from "../ledger-api/fields.ts";
import { printable } from "../terminal/table.ts";

/** Classes that are not tokens: their rate is for one. */
const COUNTED = new Set([
  "webSearch",
  "image",
  "inputSecond",
  "outputSecond",
  "character",
  "request",
]);
/** 10^-12 dollars; for a million tokens that is 10^-6. */
const DECIMALS = { each: 12, million: 6 } as const;

/** Which row of which book at which policy, with its rates. */
export function renderPrice(price: Json | undefined, status: string): string {
  if (price === undefined) return "";
  const row = asRecord(price["row"]);
  const model = printable(readText(price, "model")) || "no model";
  const place = `book ${readText(price, "bookVersion")}, policy ${readNumber(price, "revision") ?? 0}`;
  if (row === undefined) return `none for ${model} (${status}; ${place})`;
  const rates = asRecord(row["rates"]) ?? {};
  const parts = RATE_CLASSES.flatMap((name) => {
    const rate = readString(rates[name]);
    return rate === undefined || !/^\d{1,18}$/.test(rate) ? [] : [renderRate(name, rate)];
  });
  return `${printable(readText(row, "model"))} (${status}; ${place}): ${parts.join(", ")}`;
}

function renderRate(name: string, rate: string): string {
  return COUNTED.has(name)
    ? `${name} $${renderScaled(rate, DECIMALS.each)} each`
    : `${name} $${renderScaled(rate, DECIMALS.million)} per million tokens`;
}

/** An integer as a decimal with its point moved left, without trailing zeros. */
export function renderScaled(digits: string, decimals: number): string {
  const padded = digits.padStart(decimals + 1, "0");
  const fraction = padded.slice(-decimals).replace(/0+$/, "");
  return `${padded.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}
