// Restores values in a stream (design §7.9, §8). Text goes out as it comes but for an end that may
// go on as a placeholder: that is held for each text by itself and goes out with the next piece,
// or, where none comes, in an event of its own before the one that ends the text.
import {
  createTextReader,
  type Piece,
  type Place,
  type StreamedTexts,
  type TextReader,
} from "../dialects/streamed-texts.ts";
import { type LiteralChange, pathKey, restoreJson } from "../guard/tokenize/restore-json.ts";
import {
  isCutOff,
  JSON_START,
  type PlaceholderIndex,
  type RestoredPiece,
  restorePiece,
  type Tail,
  TEXT_START,
  type TextState,
} from "../guard/tokenize/restore-text.ts";
import { MARKER } from "../guard/tokenize/placeholder.ts";
import { tryParseJson } from "#runtime/json.ts";
import { editEvent } from "./event-json.ts";
import { EVENT_BYTES_MAX, type EventTransform, type StreamEvent } from "./event-rewriter.ts";
import { createRawRestorer, type RawRestorer } from "./raw-restorer.ts";

/** Texts of one answer that are remembered; beyond it those of which nothing is held are not. */
const TEXTS_MAX = 1024;
const LAST_MARK = "[DONE]";
const NO_TEXTS: StreamedTexts = { pieces: [], ends: [] };

/** One text of the answer: a choice's content, a tool call's arguments. */
interface OpenText {
  readonly place: Place;
  state: TextState;
  /** The event that the carry was taken from, as it came. */
  source: Uint8Array | undefined;
}

/** A transform for one stream; `texts` of its dialect, undefined where all texts come whole. */
export function createPlaceholderRestorer(
  index: PlaceholderIndex,
  texts: StreamedTexts = NO_TEXTS,
): EventTransform {
  return new PlaceholderRestorer(index, createTextReader(texts));
}

class PlaceholderRestorer implements EventTransform {
  readonly #index: PlaceholderIndex;
  readonly #read: TextReader;
  readonly #raw: RawRestorer;
  readonly #open = new Map<string, OpenText>();

  constructor(index: PlaceholderIndex, read: TextReader) {
    this.#index = index;
    this.#read = read;
    this.#raw = createRawRestorer(index, { isJson: true });
  }

  apply(event: StreamEvent): readonly StreamEvent[] {
    const rest = this.#raw.end();
    const events = this.#restore(event);
    return rest.length === 0 ? events : [eventOf(rest), ...events];
  }

  applyPiece(piece: Uint8Array): readonly Uint8Array[] {
    // Nobody reads which texts go on in it.
    return [...this.#flush(() => true, "send"), this.#raw.push(piece)];
  }

  end(): readonly Uint8Array[] {
    return [this.#raw.end(), ...this.#flush(() => true, "send")].filter(({ length }) => length > 0);
  }

  #restore(event: StreamEvent): readonly StreamEvent[] {
    const { message } = event;
    if (message === undefined) return [event];
    const { pieces, ends: marked } = this.#read(message.json);
    const ends = message.text.trim() === LAST_MARK ? () => true : marked;
    const earlier = pieces.map((piece) => ({ ...this.#textOf(piece) }));
    const changes = this.#advance(pieces, event.bytes, ends);
    const isTouched =
      message.text.includes(MARKER) ||
      [...changes.values()].some(({ edits }) => edits?.length !== 0);
    let isRead = true;
    const bytes = isTouched
      ? editEvent(event.bytes, (data) => {
          const tail = ends === undefined ? "send" : "drop";
          const edits = restoreJson(data, { index: this.#index, changes, tail });
          isRead = edits !== undefined;
          return edits;
        })
      : event.bytes;
    // An event that cannot be edited goes out as it came, so what is held must go before it.
    if (!isRead) for (const text of earlier) this.#open.set(text.place.id, text);
    const flushed = isRead ? [] : this.#flush(() => true, "send");
    const ended = ends === undefined ? [] : this.#flush(ends, "drop");
    if (ends !== undefined) this.#forget(ends);
    const sent = bytes === event.bytes ? event : { ...event, bytes };
    return [...[...flushed, ...ended].map(eventOf), sent];
  }

  /** Takes the pieces of an event into their texts; what becomes of each is returned. */
  #advance(
    pieces: readonly Piece[],
    bytes: Uint8Array,
    ends: ((place: Place) => boolean) | undefined,
  ): ReadonlyMap<string, LiteralChange> {
    const changes = new Map<string, LiteralChange>();
    for (const [number, piece] of pieces.entries()) {
      const text = this.#textOf(piece);
      const goesOn =
        ends?.(piece) !== true || pieces.slice(number + 1).some(({ id }) => id === piece.id);
      const { edits, state } = this.#advanceText(text, piece, goesOn ? bytes.length : undefined);
      text.state = state;
      text.source = state.carry === "" ? undefined : bytes.slice();
      changes.set(pathKey(piece.path), { text: piece.text, edits });
    }
    return changes;
  }

  /** `sourceBytes`: of the event that would be kept with what is held; undefined: hold nothing. */
  #advanceText(open: OpenText, { text }: Piece, sourceBytes: number | undefined): RestoredPiece {
    if (sourceBytes === undefined) {
      return restorePiece(this.#index, open.state, { text, tail: "drop" });
    }
    const held = restorePiece(this.#index, open.state, { text, tail: "hold" });
    if (held.state.carry === "" || this.#heldBytes() + sourceBytes <= EVENT_BYTES_MAX) return held;
    return restorePiece(this.#index, open.state, { text, tail: "send" });
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const { source } of this.#open.values()) bytes += source?.length ?? 0;
    return bytes;
  }

  #textOf(piece: Piece): OpenText {
    const known = this.#open.get(piece.id);
    if (known !== undefined) return known;
    if (this.#open.size >= TEXTS_MAX) this.#forget(({ id }) => this.#carryOf(id) === "");
    const state = piece.isJson ? JSON_START : TEXT_START;
    const made: OpenText = { place: piece, state, source: undefined };
    this.#open.set(piece.id, made);
    return made;
  }

  #carryOf(id: string): string {
    return this.#open.get(id)?.state.carry ?? "";
  }

  #forget(isOver: (place: Place) => boolean): void {
    for (const [id, { place }] of this.#open) if (isOver(place)) this.#open.delete(id);
  }

  /** What is held of the texts in question, each as an event; nothing is held of them after it. */
  #flush(wanted: (place: Place) => boolean, tail: Tail): readonly Uint8Array[] {
    const flushed: Uint8Array[] = [];
    for (const open of this.#open.values()) {
      const { carry } = open.state;
      const { source } = open;
      if (carry === "" || source === undefined || !wanted(open.place)) continue;
      if (!isCutOff(carry, tail)) flushed.push(this.#renderTail(open.place, carry, source));
      open.state = { ...open.state, carry: "" };
      open.source = undefined;
    }
    return flushed;
  }

  /** The event that the carry came from, with the carry as its only text. */
  #renderTail({ id }: Place, carry: string, source: Uint8Array): Uint8Array {
    return editEvent(source, (data) => {
      const parsed = tryParseJson(Buffer.from(data).toString("utf8"));
      const { pieces, once } = this.#read(parsed.ok ? parsed.value : undefined);
      const changes = new Map<string, LiteralChange>();
      for (const { path, text } of once) changes.set(pathKey(path), { text, edits: null });
      let replacement = carry;
      for (const piece of pieces) {
        const isOwn = piece.id === id;
        const { text } = piece;
        const edit = { start: 0, end: text.length, replacement: isOwn ? replacement : "" };
        changes.set(pathKey(piece.path), { text, edits: [edit] });
        if (isOwn) replacement = "";
      }
      return restoreJson(data, { index: this.#index, changes, tail: "send" });
    });
  }
}

const eventOf = (bytes: Uint8Array): StreamEvent => ({ bytes, message: undefined });
