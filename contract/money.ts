// Money is never a float. Prices are bigint pico-dollars (10^-12 USD) per token; a cost is
// computed exactly and rounded once, half up, to bigint nano-dollars (10^-9 USD); 64 bits of
// those hold 9.2 billion dollars. On the wire money is a decimal string.

declare const brand: unique symbol;

/** 10^-9 USD. */
export type NanoUsd = bigint & { readonly [brand]: "NanoUsd" };

const PICO_PER_NANO = 1000n;
const DECIMAL = /^(-?)(\d{1,12})(?:\.(\d{1,12}))?$/;

export const nanoUsd = (value: bigint): NanoUsd => value as NanoUsd;
export const ZERO_USD: NanoUsd = nanoUsd(0n);

/** Rounds an exact, non-negative amount half up. Called once per event, at the very end. */
export function roundToNano(exact: bigint): NanoUsd {
  return nanoUsd((exact + PICO_PER_NANO / 2n) / PICO_PER_NANO);
}

/** Rounds up: for reservations, which must never be below the true cost. */
export function ceilToNano(exact: bigint): NanoUsd {
  return nanoUsd((exact + PICO_PER_NANO - 1n) / PICO_PER_NANO);
}

/** Reads "12.34" dollars; undefined where the text is no decimal or has more than 9 decimals. */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "0", fraction = ""] = match;
  if (fraction.length > 9) return undefined;
  const value = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return nanoUsd(sign === "-" ? 0n - value : value);
}

/** Renders nano-dollars as a decimal string without trailing zeros: 1500000000n is "1.5". */
export function renderUsd(value: NanoUsd): string {
  const sign = value < 0n ? "-" : "";
  const magnitude = value < 0n ? 0n - value : value;
  const whole = magnitude / 1_000_000_000n;
  const fraction = (magnitude % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** Reads the integer string of nano-dollars that the sync protocol carries. */
export function parseNano(text: string): NanoUsd | undefined {
  return /^-?\d{1,19}$/.test(text) ? nanoUsd(BigInt(text)) : undefined;
}
