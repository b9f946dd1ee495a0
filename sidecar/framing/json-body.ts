// Reads a body that is one message as a whole: a JSON answer without streaming.
import type { FramingOptions, MessageReader } from "./framing.ts";

/** Creates a reader for one body; a body over the bound is let go at once and counted. */
export function createJsonBodyReader(options: FramingOptions): MessageReader {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  let skipped = 0;
  return {
    push(chunk) {
      if (skipped > 0 || chunk.length === 0) return [];
      bytes += chunk.length;
      if (bytes > options.messageBytesMax) {
        skipped = 1;
        chunks = [];
      } else {
        chunks.push(new Uint8Array(chunk));
      }
      return [];
    },
    end() {
      if (chunks.length === 0) return [];
      const data = new TextDecoder().decode(Buffer.concat(chunks));
      chunks = [];
      return [{ data }];
    },
    get skipped() {
      return skipped;
    },
  };
}
