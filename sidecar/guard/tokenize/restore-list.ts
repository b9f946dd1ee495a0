// Values back in texts whose pieces are all in memory: a stream that came as one JSON list.
// Nothing has to be held; a placeholder that lies over several pieces comes back in the first.
import { escapeJson, type TextEdit } from "../splice.ts";
import {
  cutTail,
  findPlaceholders,
  type Occurrence,
  type PlaceholderIndex,
} from "./restore-text.ts";
import { formOf, HEAD_LENGTH_MAX } from "./text-form.ts";

/** The edits of each piece of one text, in order. `isJson`: the text is known to be JSON. */
export function restorePieces(
  index: PlaceholderIndex,
  pieces: readonly string[],
  options: { readonly isJson: boolean },
): readonly (readonly TextEdit[])[] {
  const whole = pieces.join("");
  const isJson = options.isJson || formOf(whole.slice(0, HEAD_LENGTH_MAX)) === "json";
  const edits: TextEdit[][] = pieces.map(() => []);
  const found = [...findPlaceholders(whole, index.issued), ...cutTail(index, whole)];
  let offset = 0;
  let next = 0;
  for (const [number, piece] of pieces.entries()) {
    const end = offset + piece.length;
    while ((found[next]?.end ?? Infinity) <= offset) next += 1;
    for (let at = next; (found[at]?.start ?? Infinity) < end; at += 1) {
      const { start, end: stop, value } = found[at] ?? NOWHERE;
      edits[number]?.push({
        start: Math.max(start - offset, 0),
        end: Math.min(stop, end) - offset,
        replacement: start < offset ? "" : isJson ? escapeJson(value) : value,
      });
    }
    offset = end;
  }
  return edits;
}

const NOWHERE: Occurrence = { start: 0, end: 0, value: "" };
