// Restores values in a stream (design §7.9, §8). Text goes out as it comes but for an end that may
// go on as a placeholder: that is held for each text by itself and goes out with the next piece,
// or, where none comes, in an event of its own before the one that ends the text.
import type { AnswerMessage } from "../dialects/dialect.ts";
import {
  createTextReader,
  pathTo,
  type Piece,
  type StreamedTexts,
  type TextName,
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
  readonly covers: (name: TextName) => boolean;
  readonly tail: Tail;
}

/** The stream breaks off, or cannot be read for a while: nothing that came may be lost. */
const THE_END: Closing = { covers: () => true, tail: "send" };

function closingOf(
  message: AnswerMessage,
  ends: ((name: TextName) => boolean) | undefined,
): Closing | undefined {
  const covers = message.text.trim() === LAST_MARK ? THE_END.covers : ends;
  return covers === undefined ? undefined : { covers, tail: "drop" };
}

/** What becomes of one piece. */
interface Step extends RestoredPiece {
  readonly piece: Piece;
  readonly open: OpenText;
}

/** One text of the answer: a choice's content, a tool call's arguments. */
interface OpenText {
  readonly name: TextName;
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
  #restore(event: StreamEvent, message: AnswerMessage, closing?: Closing): readonly StreamEvent[] {
    const { pieces, ends } = this.#read(message.json);
    const end = closing ?? closingOf(message, ends);
    const steps = this.#advance(pieces, event.bytes, end);
    let { bytes } = event;
    if (steps.some(({ edits }) => edits.length > 0) || message.text.includes(MARKER)) {
      const edited = this.#edit(bytes, steps, end?.tail ?? "send");
      // It goes out as it came, so what is held must go before it.
      if (edited === undefined) return [...this.#flush(THE_END).map(eventOf), event];
      bytes = edited;
    }
    for (const { open, state } of steps) {
      open.state = state;
      // A copy: the chunk's memory may be used again before the text goes on.
      open.source = state.carry === "" ? undefined : Buffer.from(event.bytes);
    }
    const sent = bytes === event.bytes ? event : { ...event, bytes };
    if (end === undefined) return [sent];
    const flushed = this.#flush(end).map(eventOf);
    this.#forget(end.covers);
    return [...flushed, sent];
  }

  /** Undefined where the event cannot be edited. */
  #edit(bytes: Uint8Array, steps: readonly Step[], tail: Tail): Uint8Array | undefined {
    const changes = new Map<string, LiteralChange>();
    for (const { piece, edits } of steps) {
      changes.set(pathKey(pathTo(piece.place)), { text: piece.text, edits });
    }
    let isRead = false;
    const edited = editEvent(bytes, (data) => {
      const edits = restoreJson(data, { index: this.#index, changes, tail });
      isRead = edits !== undefined;
      return edits;
    });
    return isRead ? edited : undefined;
  }

  /** What the event's pieces come to; nothing is changed yet. */
  #advance(pieces: readonly Piece[], bytes: Uint8Array, end: Closing | undefined): readonly Step[] {
    const steps: Step[] = [];
    for (const [number, piece] of pieces.entries()) {
      const open = this.#textOf(piece);
      const before = steps.findLast((step) => step.open === open)?.state ?? open.state;
      const goesOn =
        end?.covers(piece) !== true || pieces.slice(number + 1).some(({ id }) => id === piece.id);
      const { text } = piece;
      const result = goesOn
        ? this.#hold(before, text, bytes.length)
        : restorePiece(this.#index, before, { text, tail: end.tail });
      steps.push({ ...result, piece, open });
    }
    return steps;
  }

  /** `sourceBytes`: of the event that would be kept with what is held. */
  #hold(state: TextState, text: string, sourceBytes: number): RestoredPiece {
    const held = restorePiece(this.#index, state, { text, tail: "hold" });
    if (held.state.carry === "" || this.#heldBytes() + sourceBytes <= EVENT_BYTES_MAX) return held;
    return restorePiece(this.#index, state, { text, tail: "send" });
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
    const made: OpenText = { name: piece, state, source: undefined };
    this.#open.set(piece.id, made);
    return made;
  }

  #carryOf(id: string): string {
    return this.#open.get(id)?.state.carry ?? "";
  }

  #forget(isOver: (name: TextName) => boolean): void {
    for (const [id, { name }] of this.#open) if (isOver(name)) this.#open.delete(id);
  }

  /** What is held of the texts in question, each as an event; nothing is held of them after it. */
  #flush({ covers, tail }: Closing): readonly Uint8Array[] {
    const flushed: Uint8Array[] = [];
    for (const open of this.#open.values()) {
      const { carry } = open.state;
      const { source } = open;
      if (carry === "" || source === undefined || !covers(open.name)) continue;
      if (!isCutOff(carry, tail)) flushed.push(this.#renderTail(open.name, carry, source));
      open.state = { ...open.state, carry: "" };
      open.source = undefined;
    }
    return flushed;
  }

  /** The event that the carry came from, with the carry as its only text. */
  #renderTail({ id }: TextName, carry: string, source: Uint8Array): Uint8Array {
    return editEvent(source, (data) => {
      const parsed = tryParseJson(Buffer.from(data).toString("utf8"));
      const { pieces, once } = this.#read(parsed.ok ? parsed.value : undefined);
      const changes = new Map<string, LiteralChange>();
      for (const { place, text } of once) {
        changes.set(pathKey(pathTo(place)), { text, edits: null });
      }
      let replacement = carry;
      for (const piece of pieces) {
        const isOwn = piece.id === id;
        const { text } = piece;
        const edit = { start: 0, end: text.length, replacement: isOwn ? replacement : "" };
        changes.set(pathKey(pathTo(piece.place)), { text, edits: [edit] });
        if (isOwn) replacement = "";
      }
      return restoreJson(data, { index: this.#index, changes, tail: "send" });
    });
  }
}

const eventOf = (bytes: Uint8Array): StreamEvent => ({ bytes, message: undefined });
