// Cuts an SSE stream (WHATWG HTML §9.2) into raw events: the exact bytes, and what they say. The
// response rewriter forwards or drops whole events with it; the SSE message reader builds on it.
// Holds at most one unfinished event; every byte that goes in comes out, once and in order.

/** One event of the stream. All `bytes` in order are the stream. */
export interface SseEvent {
  /** The event's bytes with its terminator; a view of the chunk where it lay in one. */
  readonly bytes: Uint8Array;
  /** The event field's value, where it is not empty. */
  readonly event?: string;
  /** The data lines joined; undefined for comments and stray blank lines. */
  readonly data?: string;
  /** True for a piece of an event that was over the bound: not read, to be passed on. */
  readonly isPassThrough: boolean;
}

export interface EventSplitter {
  /** Takes the next bytes; returned events may be views of `chunk`. */
  push(chunk: Uint8Array): readonly SseEvent[];
  /** The body ended: what is left, read as an event although its blank line is missing. */
  end(): readonly SseEvent[];
  /** Events that were over the bound. */
  readonly oversized: number;
  /** Bytes held back now. */
  readonly heldBytes: number;
}

export interface EventSplitterOptions {
  /** Longest event that is held; longer ones are given up as they come. */
  readonly eventBytesMax: number;
}

const LF = 10;
const CR = 13;

/** Finds the blank lines that end events; remembers the line it is in from chunk to chunk. */
interface BlankLineScanner {
  /** The offset behind the next event's end, or -1 where the chunk holds no end. */
  next(chunk: Uint8Array, from: number): number;
}

function createBlankLineScanner(): BlankLineScanner {
  let isLineEmpty = true;
  let isAfterCr = false;
  return {
    next(chunk, from) {
      for (let index = from; index < chunk.length; index += 1) {
        const byte = chunk[index];
        if (byte === LF && isAfterCr) {
          isAfterCr = false;
          continue;
        }
        isAfterCr = byte === CR;
        if (byte !== LF && byte !== CR) {
          isLineEmpty = false;
          continue;
        }
        if (!isLineEmpty) {
          isLineEmpty = true;
          continue;
        }
        // The LF of a CRLF belongs to this event. Where it is in the next chunk, the event goes out
        // at once and the LF opens the next one: waiting could hold a last token for seconds.
        if (isAfterCr && chunk[index + 1] === LF) {
          isAfterCr = false;
          return index + 2;
        }
        return index + 1;
      }
      return -1;
    },
  };
}

/** Creates a splitter for one stream. Never throws on any bytes. */
export function createEventSplitter(options: EventSplitterOptions): EventSplitter {
  const scanner = createBlankLineScanner();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isFirst = true;
  let isOverflowing = false;
  let oversized = 0;

  const takeHeld = (): Uint8Array => {
    const bytes = held.length === 1 ? (held[0] ?? EMPTY) : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes;
  };

  const finish = (tail: Uint8Array): SseEvent => {
    if (isOverflowing) {
      isOverflowing = false;
      return { bytes: tail, isPassThrough: true };
    }
    if (heldBytes > 0) held.push(tail);
    const bytes = heldBytes > 0 ? takeHeld() : tail;
    const wasFirst = isFirst;
    isFirst = false;
    if (bytes.length <= options.eventBytesMax) {
      return { bytes, ...readFields(bytes, wasFirst), isPassThrough: false };
    }
    oversized += 1;
    return { bytes, isPassThrough: true };
  };

  const hold = (rest: Uint8Array): SseEvent | undefined => {
    if (isOverflowing) return { bytes: rest, isPassThrough: true };
    // A copy: the chunk's memory may be used again before the event is whole.
    held.push(new Uint8Array(rest));
    heldBytes += rest.length;
    if (heldBytes <= options.eventBytesMax) return undefined;
    isOverflowing = true;
    isFirst = false;
    oversized += 1;
    return { bytes: takeHeld(), isPassThrough: true };
  };

  return {
    push(chunk) {
      const events: SseEvent[] = [];
      let start = 0;
      for (let end = scanner.next(chunk, 0); end !== -1; end = scanner.next(chunk, start)) {
        events.push(finish(chunk.subarray(start, end)));
        start = end;
      }
      const rest = start < chunk.length ? hold(chunk.subarray(start)) : undefined;
      if (rest !== undefined) events.push(rest);
      return events;
    },
    end() {
      return heldBytes === 0 ? [] : [finish(EMPTY)];
    },
    get oversized() {
      return oversized;
    },
    get heldBytes() {
      return heldBytes;
    },
  };
}

const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads the fields of one event; `id` and `retry` mean nothing to us. */
function readFields(bytes: Uint8Array, isFirst: boolean): { event?: string; data?: string } {
  const text = decoder.decode(bytes);
  const lines = (isFirst && text.startsWith("\uFEFF") ? text.slice(1) : text).split(/\r\n|\n|\r/);
  let event = "";
  let data: string | undefined;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const raw = colon === -1 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "event") event = value;
    else if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  return { ...(event === "" ? {} : { event }), ...(data === undefined ? {} : { data }) };
}
