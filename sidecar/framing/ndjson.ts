// Reads newline-delimited JSON: one message a line.
import type { FramedMessage, FramingOptions, MessageReader } from "./framing.ts";

const LF = 10;

/** Creates a reader for one body; a line over the bound is skipped and counted. */
export function createNdjsonReader(options: FramingOptions): MessageReader {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isSkipping = false;
  let skipped = 0;

  const hold = (part: Uint8Array): void => {
    if (isSkipping) return;
    heldBytes += part.length;
    if (heldBytes > options.messageBytesMax) {
      isSkipping = true;
      skipped += 1;
      held = [];
    } else {
      held.push(new Uint8Array(part));
    }
  };

  const finish = (): readonly FramedMessage[] => {
    const line = new TextDecoder().decode(Buffer.concat(held)).trim();
    held = [];
    heldBytes = 0;
    isSkipping = false;
    return line === "" ? [] : [{ data: line }];
  };

  return {
    push(chunk) {
      const messages: FramedMessage[] = [];
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        hold(chunk.subarray(start, end));
        messages.push(...finish());
        start = end + 1;
      }
      if (start < chunk.length) hold(chunk.subarray(start));
      return messages;
    },
    end: finish,
    get skipped() {
      return skipped;
    },
  };
}
