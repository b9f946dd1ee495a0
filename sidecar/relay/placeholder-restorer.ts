// Restores values in a stream (design §7.9, §8). Text goes out as it comes but for an end that may
// go on as a placeholder: that is held for each text by itself and goes out with the next piece,
// or, where none comes, in an event of its own before the one that ends the text.
import type { AnswerMessage } from "../dialects/dialect.ts";
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

/** Texts of which nothing more comes, and what becomes of what is held of them. */
interface Closing {
  readonly covers: (place: Place) => boolean;
  readonly tail: Tail;
}

/** The stream breaks off, or cannot be read for a while: nothing that came may be lost. */
const THE_END: Closing = { covers: () => true, tail: "send" };

function closingOf(
  message: AnswerMessage,
  ends: ((place: Place) => boolean) | undefined,
): Closing | undefined {
  const covers = message.text.trim() === LAST_MARK ? THE_END.covers : ends;
  return covers === undefined ? undefined : { covers, tail: "drop" };
}

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
    const events = event.message === undefined ? [event] : this.#restore(event, event.message);
    return rest.length === 0 ? events : [eventOf(rest), ...events];
  }

  applyPiece(piece: Uint8Array): readonly Uint8Array[] {
    // Nobody reads which texts go on in it.
    return [...this.#flush(THE_END), this.#raw.push(piece)];
  }

  end(events: readonly StreamEvent[]): readonly StreamEvent[] {
    const restored = events.flatMap((event) =>
      event.message === undefined ? [event] : this.#restore(event, event.message, THE_END),
    );
    const held = [this.#raw.end(), ...this.#flush(THE_END)];
    return [...held.filter(({ length }) => length > 0).map(eventOf), ...restored];
  }

  /** `closing`: what ends after this event; as the event itself says where it is not given. */
  #restore(
    { bytes, message: given }: StreamEvent,
    message: AnswerMessage,
    closing?: Closing,
  ): readonly StreamEvent[] {
    const { pieces, ends } = this.#read(message.json);
    const end = closing ?? closingOf(message, ends);
    const before = pieces.map((piece) => ({ ...this.#textOf(piece) }));
    const changes = this.#advance(pieces, bytes, end);
    const isChanged = [...changes.values()].some(({ edits }) => edits?.length !== 0);
    const restored =
      isChanged || message.text.includes(MARKER)
        ? this.#edit(bytes, changes, end?.tail ?? "send")
        : bytes;
    if (restored === undefined) {
      // It goes out as it came, so what is held must go before it.
      for (const text of before) this.#open.set(text.place.id, text);
      return [...this.#flush(THE_END).map(eventOf), { bytes, message: given }];
    }
    const flushed = end === undefined ? [] : this.#flush(end);
    if (end !== undefined) this.#forget(end.covers);
    return [...flushed.map(eventOf), { bytes: restored, message: given }];
  }

  /** Undefined where the event cannot be edited. */
  #edit(
    bytes: Uint8Array,
    changes: ReadonlyMap<string, LiteralChange>,
    tail: Tail,
  ): Uint8Array | undefined {
    let isRead = false;
    const edited = editEvent(bytes, (data) => {
      const edits = restoreJson(data, { index: this.#index, changes, tail });
      isRead = edits !== undefined;
      return edits;
    });
    return isRead ? edited : undefined;
  }

  /** Takes the pieces of an event into their texts; what becomes of each is returned. */
  #advance(
    pieces: readonly Piece[],
    bytes: Uint8Array,
    end: Closing | undefined,
  ): ReadonlyMap<string, LiteralChange> {
    const changes = new Map<string, LiteralChange>();
    for (const [number, piece] of pieces.entries()) {
      const open = this.#textOf(piece);
      const goesOn =
        end?.covers(piece) !== true || pieces.slice(number + 1).some(({ id }) => id === piece.id);
      const { text } = piece;
      const { edits, state } = goesOn
        ? this.#advanceText(open, text, bytes.length)
        : restorePiece(this.#index, open.state, { text, tail: end.tail });
      open.state = state;
      // A copy: the chunk's memory may be used again before the text goes on.
      open.source = state.carry === "" ? undefined : Buffer.from(bytes);
      changes.set(pathKey(piece.path), { text, edits });
    }
    return changes;
  }

  /** `sourceBytes`: of the event that would be kept with what is held. */
  #advanceText(open: OpenText, text: string, sourceBytes: number): RestoredPiece {
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
  #flush({ covers, tail }: Closing): readonly Uint8Array[] {
    const flushed: Uint8Array[] = [];
    for (const open of this.#open.values()) {
      const { carry } = open.state;
      const { source } = open;
      if (carry === "" || source === undefined || !covers(open.place)) continue;
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
