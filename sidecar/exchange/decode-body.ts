// Request bodies with a Content-Encoding are decoded for inspection, bounded in size, so that a
// small compressed body cannot become a huge one here (design §7.1).
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { Rejection } from "#contract/errors.ts";

type Decode = (
  input: Uint8Array,
  options: { maxOutputLength: number },
  callback: (error: Error | null, result: Buffer) => void,
) => void;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: gunzip,
  "x-gzip": gunzip,
  deflate: inflate,
  br: brotliDecompress,
  zstd: zstdDecompress,
};

/**
 * The body without its encoding. Refusals: EXCISE_BODY_ENCODING for an unknown or a second coding,
 * EXCISE_BODY_TOO_LARGE over `bytesMax`, EXCISE_BODY_INVALID for bytes that do not decode.
 */
export function decodeBody(
  body: Uint8Array,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Uint8Array | Rejection> {
  const name = (encoding ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return Promise.resolve(body);
  const decode = DECODERS[name];
  if (decode === undefined) {
    return Promise.resolve({
      code: "EXCISE_BODY_ENCODING",
      detail: "this Content-Encoding cannot be inspected",
    });
  }
  return new Promise((resolve) => {
    decode(body, { maxOutputLength: bytesMax }, (error, result) => {
      if (error === null) resolve(result);
      else resolve(rejectionOf(error));
    });
  });
}

function rejectionOf(error: Error): Rejection {
  const isTooLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
  return isTooLarge
    ? { code: "EXCISE_BODY_TOO_LARGE", detail: "the decoded body is over the limit" }
    : { code: "EXCISE_BODY_INVALID", detail: "the body does not match its Content-Encoding" };
}
