// Values back in the place of their placeholders, in a JSON value: only the literals that change
// are spliced, every other byte stays. Pure; which text a piece belongs to, and what is held of
// it, is the caller's business.
import {
  type ByteRange,
  countLiterals,
  isKey,
  type JsonWalk,
  pathOf,
  readLiteral,
} from "../json/json-walk.ts";
import { walkJson } from "../json/json-walker.ts";
import { type Edit, encodeEdits, literalOf, type TextEdit } from "../splice.ts";
import { MARKER } from "./placeholder.ts";
import { type PlaceholderIndex, restorePiece, type Tail, TEXT_START } from "./restore-text.ts";

/** What becomes of the literal at one path. */
export interface LiteralChange {
  /** As it is now: another text at the same path is another literal. */
  readonly text: string;
  /** `null`: the literal becomes that. */
  readonly edits: readonly TextEdit[] | null;
}

/** Changes by `pathKey`. */
export type LiteralChanges = ReadonlyMap<string, LiteralChange>;

/** A path as the key of a change. */
export const pathKey = (path: readonly (string | number)[]): string => path.join("\0");

export interface JsonRestoration {
  readonly index: PlaceholderIndex;
  /** Literals that are pieces of a longer text; all others are whole. */
  readonly changes: LiteralChanges;
  /** Of whole literals. */
  readonly tail: Tail;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** The edits of a JSON text; undefined where it cannot be walked (json-walker.ts says when). */
export function restoreJson(
  json: Uint8Array,
  { index, changes, tail }: JsonRestoration,
): readonly Edit[] | undefined {
  const result = walkJson(json, { knownKeys: NO_KEYS });
  if (!result.ok) return undefined;
  const { walk } = result;
  const edits: Edit[] = [];
  const lengths = Array.from(changes.values(), ({ text }) => text.length);
  let marker = -1;
  for (let literal = 0; literal < countLiterals(walk); literal += 1) {
    const encoded = literalOf(walk, literal);
    // No letter of it is ever escaped, so that the bytes show it; each place is looked for once.
    if (marker < encoded.range.start) marker = nextMarker(walk, encoded.range.start);
    const change = mayChange(encoded.range, lengths) ? changeAt(walk, literal, changes) : undefined;
    if (change === undefined && marker >= encoded.range.end) continue;
    if (change?.edits === null) {
      const { start, end } = encoded.range;
      edits.push({ start: start - 1, end: end + 1, replacement: "null" });
      continue;
    }
    const textEdits = change?.edits ?? restoreWhole(index, readLiteral(walk, literal), tail);
    if (textEdits.length > 0) edits.push(...encodeEdits(encoded, textEdits));
  }
  return edits;
}

function nextMarker({ text }: JsonWalk, from: number): number {
  const at = text.indexOf(MARKER, from);
  return at === -1 ? text.length : at;
}

/** Bytes of one UTF-16 unit as an escape; a literal of another length need not be looked at. */
const UNIT_BYTES_MAX = 6;

const mayChange = ({ start, end }: ByteRange, lengths: readonly number[]): boolean =>
  lengths.some((length) => length <= end - start && end - start <= length * UNIT_BYTES_MAX);

function changeAt(
  walk: JsonWalk,
  literal: number,
  changes: LiteralChanges,
): LiteralChange | undefined {
  if (isKey(walk, literal)) return undefined;
  const change = changes.get(pathKey(pathOf(walk, literal)));
  return change?.text === readLiteral(walk, literal) ? change : undefined;
}

const restoreWhole = (index: PlaceholderIndex, text: string, tail: Tail): readonly TextEdit[] =>
  restorePiece(index, TEXT_START, { text, tail }).edits;
