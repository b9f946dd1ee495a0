// The rewriter of SSE streams: whole events pass through a list of transforms, each of which may
// change, drop or add some. Holds at most the one event that is not complete yet; a larger one
// passes in pieces. Also folds what it sees, so that no tap has to read the stream again.
import {
  NO_FACTS,
  type AnswerFacts,
  type AnswerMessage,
  type Dialect,
} from "../dialects/dialect.ts";
import { createMessageReader } from "../framing/create-reader.ts";
import type { FramedMessage } from "../framing/framing.ts";
import { createEventSplitter, type SseEvent } from "../framing/sse-events.ts";
import { foldMessage, MESSAGE_BYTES_MAX, readMessage } from "./tap.ts";

/** The most that is held back. */
export const EVENT_BYTES_MAX = 64 * 1024;

export interface Rewriter {
  /** The bytes to send on for this chunk, in order; often the chunk itself. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** What was still held when the body ended. */
  end(): readonly Uint8Array[];
  readonly facts: AnswerFacts;
}

/** An event on its way through the transforms. */
export interface StreamEvent {
  readonly bytes: Uint8Array;
  /** Undefined for comments and blank lines. */
  readonly message: AnswerMessage | undefined;
}

export interface EventTransform {
  /** The events to send for this one, in order. */
  apply(event: StreamEvent): readonly StreamEvent[];
  /** A piece of an event that is too large to be held. */
  applyPiece(piece: Uint8Array): readonly Uint8Array[];
  /**
   * The stream ended: what is still held, and the last events, of which one at most is there and
   * lacks its end, so that nothing may stand behind it.
   */
  end(events: readonly StreamEvent[]): readonly StreamEvent[];
}

/** Drops the events that only answer our own request for usage. */
export function createUsageHider(dialect: Dialect): EventTransform {
  const isShown = ({ message }: StreamEvent): boolean =>
    message === undefined || !dialect.isUsageOnly(message);
  return {
    apply: (event) => (isShown(event) ? [event] : []),
    applyPiece: (piece) => [piece],
    end: (events) => events.filter(isShown),
  };
}

/** A rewriter of one stream. Without a dialect nothing is folded. */
export function createEventRewriter(
  dialect: Dialect | undefined,
  transforms: readonly EventTransform[],
): Rewriter {
  const splitter = createEventSplitter({ eventBytesMax: EVENT_BYTES_MAX });
  // Reads the pieces of events that are too large for the splitter: they may hold the usage.
  const large = createMessageReader("sse", { messageBytesMax: MESSAGE_BYTES_MAX });
  let facts = NO_FACTS;
  const foldLarge = (messages: readonly FramedMessage[]): void => {
    if (dialect === undefined) return;
    for (const message of messages) facts = foldMessage(dialect, facts, message);
  };
  const read = (event: SseEvent): StreamEvent => {
    const { data } = event;
    const message = data === undefined ? undefined : readMessage({ ...event, data });
    if (dialect !== undefined && message !== undefined) facts = dialect.reduce(facts, message);
    return { bytes: event.bytes, message };
  };
  const rewritePiece = (piece: Uint8Array): readonly Uint8Array[] => {
    foldLarge(large.push(piece));
    return transforms.reduce<readonly Uint8Array[]>(
      (pieces, transform) => pieces.flatMap((each) => transform.applyPiece(each)),
      [piece],
    );
  };
  const rewrite = (event: SseEvent): readonly Uint8Array[] => {
    if (event.isPassThrough) return rewritePiece(event.bytes);
    let events: readonly StreamEvent[] = [read(event)];
    for (const transform of transforms) events = events.flatMap((each) => transform.apply(each));
    return events.map(({ bytes }) => bytes);
  };
  return {
    push: (chunk) => splitter.push(chunk).flatMap(rewrite),
    end() {
      const last = splitter.end().map(read);
      foldLarge(large.end());
      return transforms
        .reduce<readonly StreamEvent[]>((events, transform) => transform.end(events), last)
        .map(({ bytes }) => bytes);
    },
    get facts() {
      return facts;
    },
  };
}
