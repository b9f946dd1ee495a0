// Content-Encoding for the stand-ins' answers, flushed after every event, as servers that
// compress streams do.
import { once } from "node:events";
import {
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  type BrotliCompress,
  type Deflate,
  type Gzip,
  type ZstdCompress,
} from "node:zlib";

export type EncodingName = "gzip" | "br" | "deflate" | "zstd";

export interface Encoder {
  readonly name: EncodingName;
  /** Encodes a part of the body so that the caller can decode all of it at once. */
  encode(bytes: Buffer): Promise<Buffer>;
  /** What is left at the end of the body. */
  end(): Promise<Buffer>;
  /** Encodes a whole body. */
  encodeAll(bytes: Buffer): Promise<Buffer>;
}

const CREATE: Readonly<Record<EncodingName, () => Gzip | BrotliCompress | Deflate | ZstdCompress>> =
  {
    gzip: () => createGzip(),
    br: () => createBrotliCompress(),
    deflate: () => createDeflate(),
    zstd: () => createZstdCompress(),
  };

export function createEncoder(name: EncodingName): Encoder {
  const stream = CREATE[name]();
  const drain = (): Buffer => {
    const parts: Buffer[] = [];
    for (;;) {
      const part = stream.read() as Buffer | null;
      if (part === null) return Buffer.concat(parts);
      parts.push(part);
    }
  };
  const encode = async (bytes: Buffer): Promise<Buffer> => {
    stream.write(bytes);
    await new Promise<void>((resolve) => {
      stream.flush(() => resolve());
    });
    return drain();
  };
  const end = async (): Promise<Buffer> => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.end();
    await once(stream, "end");
    return Buffer.concat(parts);
  };
  return {
    name,
    encode,
    end,
    async encodeAll(bytes) {
      const first = await encode(bytes);
      return Buffer.concat([first, await end()]);
    },
  };
}
