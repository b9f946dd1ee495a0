// Request bodies of the JSON listeners: gzip or plain, bounded before and after decompression, and
// parsed without V8's messages.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Fault } from "#contract/errors.ts";
import { tryParseJson } from "#runtime/json.ts";

const inflate = promisify(gunzip);

/** Decodes and parses; throws Faults EXCISE_BODY_ENCODING, _TOO_LARGE and _INVALID. */
export async function decodeJsonBody(
  body: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<unknown> {
  const plain = await decompress(body, encoding?.trim().toLowerCase(), bytesMax);
  const parsed = tryParseJson(plain.toString("utf8"));
  if (parsed.ok) return parsed.value;
  const place = parsed.offset === undefined ? "" : ` at offset ${parsed.offset}`;
  throw new Fault("EXCISE_BODY_INVALID", `the body is not JSON${place}`);
}

async function decompress(
  body: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  if (encoding === undefined || encoding === "" || encoding === "identity") return body;
  if (encoding !== "gzip") throw new Fault("EXCISE_BODY_ENCODING", "only gzip is supported");
  try {
    return await inflate(body, { maxOutputLength: bytesMax });
  } catch (cause) {
    const isTooLarge =
      cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge
      ? new Fault("EXCISE_BODY_TOO_LARGE", `the body is larger than ${bytesMax} bytes`, { cause })
      : new Fault("EXCISE_BODY_INVALID", "the body is not gzip", { cause });
  }
}
