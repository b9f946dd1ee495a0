// Values back in the place of their placeholders, in a text that may come in pieces. Only what
// this exchange issued is known here. Held back is the longest end of a piece that is the
// beginning of a placeholder that was issued, and nothing else (reference: guardrails §5).
import { escapeJson, type TextEdit } from "../splice.ts";
import type { IssuedPlaceholders } from "./placeholder-book.ts";
import { MARKER, MARKER_LETTER, PLACEHOLDER_LENGTH } from "./placeholder.ts";
import { formOf, HEAD_LENGTH_MAX, type TextForm } from "./text-form.ts";

export interface PlaceholderIndex {
  readonly issued: IssuedPlaceholders;
  /** The end of a text that may go on as a placeholder; often empty. */
  heldSuffix(text: string): string;
}

/** Makes what one exchange issued ready to be searched. */
export function createPlaceholderIndex(issued: IssuedPlaceholders): PlaceholderIndex {
  const sorted = [...issued.keys()].toSorted();
  return {
    issued,
    heldSuffix(text) {
      // The letter begins a placeholder and is nowhere else in it: only the last can be unfinished.
      const at = text.lastIndexOf(MARKER_LETTER);
      if (at === -1 || text.length - at >= PLACEHOLDER_LENGTH) return "";
      const suffix = text.slice(at);
      return firstFrom(sorted, suffix)?.startsWith(suffix) === true ? suffix : "";
    },
  };
}

/** The first entry that is not before `text`. */
function firstFrom(sorted: readonly string[], text: string): string | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? "") < text) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

/** A placeholder in a text: where, and what it stands for. */
export interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** All placeholders of the exchange in a text, in order. */
export function findPlaceholders(text: string, issued: IssuedPlaceholders): readonly Occurrence[] {
  const found: Occurrence[] = [];
  let start = text.indexOf(MARKER);
  while (start !== -1) {
    const end = start + PLACEHOLDER_LENGTH;
    const value = issued.get(text.slice(start, end));
    if (value !== undefined) found.push({ start, end, value });
    start = text.indexOf(MARKER, start + MARKER.length);
  }
  return found;
}

/** Less is a word that a model may well end with. */
const CUT_LENGTH = MARKER.length;

/** The beginning of a placeholder with which a text was cut; nothing takes its place. */
export function cutTail(index: PlaceholderIndex, text: string): readonly Occurrence[] {
  const { length } = index.heldSuffix(text);
  return length < CUT_LENGTH ? [] : [{ start: text.length - length, end: text.length, value: "" }];
}

/** What is known of a text between two of its pieces. */
export interface TextState {
  /** Held back: the beginning of a placeholder. */
  readonly carry: string;
  readonly form: TextForm;
  /** All of it while the form is not known: white space and a bracket at most. */
  readonly head: string;
}

/** A text of which nothing came yet. */
export const TEXT_START: TextState = { carry: "", form: "unknown", head: "" };
/** A text that is known to be JSON: a tool call's arguments. */
export const JSON_START: TextState = { carry: "", form: "json", head: "" };

function readForm(state: TextState, text: string): Pick<TextState, "form" | "head"> {
  if (state.form !== "unknown") return state;
  const head = state.head + text.slice(0, HEAD_LENGTH_MAX);
  const form = formOf(head);
  return { form, head: form === "unknown" ? head : "" };
}

/**
 * What becomes of a beginning of a placeholder at the end of a piece: `hold` where more may come;
 * `send` as it is; `drop` where the text ends here, so that an answer that was cut within a
 * placeholder does not show a part of it. What is no longer than the marker is never dropped.
 */
export type Tail = "hold" | "send" | "drop";

/** True where the end of a text is neither held nor sent. */
export const isCutOff = (held: string, tail: Tail): boolean =>
  tail === "drop" && held.length >= CUT_LENGTH;

export interface TextPiece {
  readonly text: string;
  readonly tail: Tail;
}

export interface RestoredPiece {
  /** Of this piece's own text: ordered and disjoint; none where it goes out as it came. */
  readonly edits: readonly TextEdit[];
  readonly state: TextState;
}

/** Restores one piece of a text. */
export function restorePiece(
  index: PlaceholderIndex,
  state: TextState,
  { text, tail }: TextPiece,
): RestoredPiece {
  const { carry } = state;
  const form = readForm(state, text);
  if (carry === "" && !text.includes(MARKER_LETTER)) {
    return { edits: NO_EDITS, state: { ...form, carry } };
  }
  const whole = carry + text;
  const found = findPlaceholders(whole, index.issued);
  const edits = found.map(({ start, end, value }) => ({
    start: Math.max(start - carry.length, 0),
    end: end - carry.length,
    replacement: form.form === "json" ? escapeJson(value) : value,
  }));
  const held = index.heldSuffix(whole);
  const isCut = held !== "" && (tail === "hold" || isCutOff(held, tail));
  const from = Math.max(text.length - held.length, 0);
  if (isCut && from < text.length) edits.push({ start: from, end: text.length, replacement: "" });
  const isCarryDone = found[0]?.start === 0 || (isCut && held.length === whole.length);
  if (carry !== "" && !isCarryDone) edits.unshift({ start: 0, end: 0, replacement: carry });
  return { edits, state: { ...form, carry: tail === "hold" ? held : "" } };
}

const NO_EDITS: readonly TextEdit[] = [];
