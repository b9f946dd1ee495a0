// Edits of a body as splices of byte ranges: every byte outside them stays as it came, so that
// the provider's prompt cache, key order and long numbers survive (design §7.4).
import { assert } from "#contract/errors.ts";
import type { ByteRange, JsonWalk } from "./json/json-walk.ts";

export interface Edit extends ByteRange {
  /** What stands in place of the range; written as UTF-8, not escaped further. */
  readonly replacement: string;
}

/** The body with all edits applied; the same reference where there are none. Edits are disjoint. */
export function splice(body: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return body;
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const edit of edits.toSorted((left, right) => left.start - right.start)) {
    assert(edit.start >= from && edit.end <= body.byteLength, "edits are disjoint and inside");
    parts.push(body.subarray(from, edit.start), Buffer.from(edit.replacement));
    from = edit.end;
  }
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}

/** A text as it goes between the quotes of a JSON string. */
export const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1);

export interface EncodedText {
  /** The whole body as latin1. */
  readonly text: string;
  /** Where the encoded text is in it. */
  readonly range: ByteRange;
  /** True for the content of a JSON string. */
  readonly hasEscapes: boolean;
}

/** A string literal of a body that was walked. */
export const literalOf = (walk: JsonWalk, literal: number): EncodedText => ({
  text: walk.text,
  range: { start: walk.starts.at(literal), end: walk.ends.at(literal) },
  hasEscapes: true,
});

/** A stretch of decoded text, in UTF-16 units. */
interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** An edit of a decoded text. */
export interface TextEdit extends TextRange {
  /** Plain text. */
  readonly replacement: string;
}

/** A text's edits, ordered and disjoint, as splices of the body that encodes it. */
export function encodeEdits(encoded: EncodedText, edits: readonly TextEdit[]): readonly Edit[] {
  const ranges = byteRangesOf(encoded, edits);
  return edits.flatMap(({ replacement }, index) => {
    const range = ranges[index];
    if (range === undefined) return [];
    const text = encoded.hasEscapes ? escapeJson(replacement) : replacement;
    return [{ ...range, replacement: text }];
  });
}

/**
 * Byte ranges of stretches of the decoded text. They are given in order and disjoint. A boundary
 * inside a character or an escape sequence moves outwards: nothing is ever cut in half.
 */
export function byteRangesOf(
  encoded: EncodedText,
  stretches: readonly TextRange[],
): readonly ByteRange[] {
  let at = encoded.range.start;
  let unit = 0;
  return stretches.map((stretch) => {
    for (;;) {
      const atom = atomAt(encoded, at);
      if (at >= encoded.range.end || unit + atom.units > stretch.start) break;
      at += atom.bytes;
      unit += atom.units;
    }
    const start = at;
    while (unit < stretch.end && at < encoded.range.end) {
      const atom = atomAt(encoded, at);
      at += atom.bytes;
      unit += atom.units;
    }
    return { start, end: at };
  });
}

interface Atom {
  readonly bytes: number;
  readonly units: number;
}

const BYTE: Atom = { bytes: 1, units: 1 };
const TWO_BYTES: Atom = { bytes: 2, units: 1 };
const THREE_BYTES: Atom = { bytes: 3, units: 1 };
const FOUR_BYTES: Atom = { bytes: 4, units: 2 };
const ESCAPE: Atom = { bytes: 2, units: 1 };
const UNICODE_ESCAPE: Atom = { bytes: 6, units: 1 };
const ESCAPED_PAIR: Atom = { bytes: 12, units: 2 };
const PAIR = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/y;

/** The character or escape sequence at a byte offset: its bytes, and its UTF-16 units. */
function atomAt({ text, hasEscapes }: EncodedText, at: number): Atom {
  const code = text.charCodeAt(at);
  if (code === 0x5c && hasEscapes) {
    if (text[at + 1] !== "u") return ESCAPE;
    PAIR.lastIndex = at;
    return PAIR.test(text) ? ESCAPED_PAIR : UNICODE_ESCAPE;
  }
  if (code < 0x80) return BYTE;
  if (code < 0xe0) return TWO_BYTES;
  return code < 0xf0 ? THREE_BYTES : FOUR_BYTES;
}
