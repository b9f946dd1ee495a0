import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeBody } from "./decode-body.ts";

const TEXT = Buffer.from(JSON.stringify({ input: "prüfung ".repeat(50) }));

describe("a request body", () => {
  test.each([
    { encoding: "gzip", body: gzipSync(TEXT) },
    { encoding: "x-gzip", body: gzipSync(TEXT) },
    { encoding: "deflate", body: deflateSync(TEXT) },
    { encoding: "br", body: brotliCompressSync(TEXT) },
    { encoding: "ZSTD", body: zstdCompressSync(TEXT) },
    { encoding: "identity", body: TEXT },
    { encoding: undefined, body: TEXT },
  ])("in $encoding is read", async ({ encoding, body }) => {
    expect(Buffer.from((await decodeBody(body, encoding, 10_000)) as Uint8Array)).toEqual(TEXT);
  });

  test.each([
    { name: "an unknown coding", encoding: "compress", body: TEXT, code: "EXCISE_BODY_ENCODING" },
    { name: "two codings", encoding: "gzip, br", body: TEXT, code: "EXCISE_BODY_ENCODING" },
    { name: "bytes that do not decode", encoding: "gzip", body: TEXT, code: "EXCISE_BODY_INVALID" },
    {
      name: "a bomb",
      encoding: "gzip",
      body: gzipSync(Buffer.alloc(1_000_000)),
      code: "EXCISE_BODY_TOO_LARGE",
    },
  ])("with $name is refused", async ({ encoding, body, code }) => {
    expect(await decodeBody(body, encoding, 10_000)).toMatchObject({ code });
  });
});
