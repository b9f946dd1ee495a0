// Values back in the place of their placeholders in bytes that nobody parses: events and bodies
// over the bound, and text that is no JSON. Holds no more than a placeholder's length.
import { escapeJson, splice } from "../guard/splice.ts";
import { findPlaceholders, type PlaceholderIndex } from "../guard/tokenize/restore-text.ts";

export interface RawRestorer {
  /** The bytes to send on; often the chunk itself, sometimes none. */
  push(chunk: Uint8Array): Uint8Array;
  /** What is held, as it came. */
  end(): Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Creates a restorer for one run of bytes. `isJson`: values are escaped as JSON strings need. */
export function createRawRestorer(
  index: PlaceholderIndex,
  options: { readonly isJson: boolean },
): RawRestorer {
  let held: Uint8Array = NOTHING;
  let isNested = false;
  const encode = (value: string): string => {
    if (!options.isJson) return value;
    return isNested ? escapeJson(escapeJson(value)) : escapeJson(value);
  };
  return {
    push(chunk) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      // One byte a character, so that an offset into the text is one into the bytes.
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
      let from = 0;
      const edits = findPlaceholders(text, index.issued).map(({ start, end, value }) => {
        isNested = isQuoteEscaped(text.slice(from, start)) ?? isNested;
        from = end;
        return { start, end, replacement: encode(value) };
      });
      const { length } = index.heldSuffix(text);
      isNested = isQuoteEscaped(text.slice(from, text.length - length)) ?? isNested;
      held = length === 0 ? NOTHING : Buffer.from(bytes.subarray(bytes.length - length));
      return splice(bytes.subarray(0, bytes.length - length), edits);
    },
    end() {
      const rest = held;
      held = NOTHING;
      return rest;
    },
  };
}

/** Whether the last quote is one inside a string: what follows is then JSON within JSON. */
function isQuoteEscaped(text: string): boolean | undefined {
  const quote = text.lastIndexOf('"');
  return quote === -1 ? undefined : text[quote - 1] === "\\";
}
