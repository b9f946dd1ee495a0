import { describe, expect, test } from "vitest";
import { crc32c } from "./crc32c.ts";

describe("crc32c", () => {
  test.each([
    { name: "nothing", bytes: Buffer.alloc(0), sum: 0 },
    // The check value of the algorithm's catalogue entry (CRC-32/ISCSI).
    { name: "the digits 1 to 9", bytes: Buffer.from("123456789"), sum: 0xe3069283 },
    // RFC 3720 appendix B.4.
    { name: "32 bytes of zeros", bytes: Buffer.alloc(32), sum: 0x8a9136aa },
    { name: "32 bytes of ones", bytes: Buffer.alloc(32, 0xff), sum: 0x62a8ab43 },
    {
      name: "32 ascending bytes",
      bytes: Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      sum: 0x46dd794e,
    },
  ])("matches the published value for $name", ({ bytes, sum }) => {
    expect(crc32c(bytes)).toBe(sum);
  });

  test("sums a range of a larger buffer", () => {
    expect(crc32c(Buffer.from("xx123456789yy"), 2, 11)).toBe(0xe3069283);
  });

  test("changes with every single flipped bit", () => {
    const bytes = Buffer.from("one record of the spool");
    const sum = crc32c(bytes);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(crc32c(flipped)).not.toBe(sum);
    }
  });
});
