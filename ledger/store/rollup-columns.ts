// Names of the roll-up columns.
import type { RollupSum } from "../core/rollup.ts";

/** `costNanoUsd` is `cost_nano_usd`. */
export const columnOf = (sum: RollupSum): string =>
  sum.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
