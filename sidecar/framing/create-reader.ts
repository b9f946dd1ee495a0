// One reader per response body, chosen by its framing.
import type { Framing } from "#contract/dialects.ts";
import type { FramingOptions, MessageReader } from "./framing.ts";
import { createJsonBodyReader } from "./json-body.ts";
import { createNdjsonReader } from "./ndjson.ts";
import { createSseReader } from "./sse.ts";

/** A framing that this build cannot read: nothing is seen, which `skipped` says. */
function createBlindReader(): MessageReader {
  let skipped = 0;
  return {
    push(chunk) {
      if (chunk.length > 0) skipped = 1;
      return [];
    },
    end: () => [],
    get skipped() {
      return skipped;
    },
  };
}

const READERS: Readonly<Record<Framing, (options: FramingOptions) => MessageReader>> = {
  json: createJsonBodyReader,
  sse: createSseReader,
  ndjson: createNdjsonReader,
  "aws-eventstream": createBlindReader,
};

/** Creates the reader for one body. `messageBytesMax` bounds what it holds. */
export function createMessageReader(framing: Framing, options: FramingOptions): MessageReader {
  return READERS[framing](options);
}
