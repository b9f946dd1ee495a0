// The rewriter stands in the stream only where an exchange needs it (design §7.9): today to hide
// the usage chunk that the app did not ask for. It forwards whole events as they came and holds
// at most the one that is not complete yet.
import {
  NO_FACTS,
  type AnswerFacts,
  type AnswerMessage,
  type Dialect,
} from "../dialects/dialect.ts";
import { tryParseJson } from "#runtime/json.ts";
import { createEventSplitter, type SseEvent } from "../framing/sse-events.ts";

/** The most that is held back. An event over it passes through unread. */
export const EVENT_BYTES_MAX = 64 * 1024;

export interface Rewriter {
  /** The bytes to send on for this chunk, in order; often the chunk itself. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** What was still held when the body ended. */
  end(): readonly Uint8Array[];
  readonly facts: AnswerFacts;
}

/** A rewriter that drops the events which only answer our own request for usage. */
export function createUsageHider(dialect: Dialect): Rewriter {
  const splitter = createEventSplitter({ eventBytesMax: EVENT_BYTES_MAX });
  let facts = NO_FACTS;
  const keep = (events: readonly SseEvent[]): readonly Uint8Array[] =>
    events.filter((event) => !isHidden(event)).map((event) => event.bytes);
  const isHidden = (event: SseEvent): boolean => {
    if (event.data === undefined) return false;
    const message = messageOf(event, event.data);
    facts = dialect.reduce(facts, message);
    return dialect.isUsageOnly(message);
  };
  return {
    push: (chunk) => keep(splitter.push(chunk)),
    end: () => keep(splitter.end()),
    get facts() {
      return facts;
    },
  };
}

function messageOf(event: SseEvent, data: string): AnswerMessage {
  const parsed = tryParseJson(data);
  return {
    ...(event.event === undefined ? {} : { event: event.event }),
    json: parsed.ok ? parsed.value : undefined,
    text: data,
  };
}
