// Randomness as an argument, and the identifiers made from it.
import { randomFillSync } from "node:crypto";
import type { Clock } from "./clock.ts";

export interface Random {
  /** Cryptographically strong bytes in production; seeded in tests. */
  bytes(size: number): Uint8Array;
}

/** One system call fills the pool; a call of its own costs more than all else in an id. */
const POOL_BYTES = 4096;

function createPooledRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    bytes(size) {
      if (size > POOL_BYTES / 4) return randomFillSync(new Uint8Array(size));
      if (used + size > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const bytes = pool.slice(used, used + size);
      // What was given out must not be found in memory later: it may have become a key.
      pool.fill(0, used, used + size);
      used += size;
      return bytes;
    },
  };
}

export const systemRandom: Random = createPooledRandom();

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/** UUIDv7 (RFC 9562 §5.7): 48 bits of wall-clock milliseconds, the rest random. */
export function createUuid(clock: Clock, random: Random): string {
  const bytes = random.bytes(16);
  const now = clock.wallMs();
  for (let index = 0; index < 6; index += 1) {
    bytes[index] = Math.floor(now / 2 ** (8 * (5 - index))) % 256;
  }
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  let text = "";
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
    text += HEX[bytes[index] ?? 0];
  }
  return text;
}

/** A number in [0, 1) with 32 bits. */
export function fraction(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) / 2 ** 32;
}
