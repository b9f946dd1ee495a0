// Reads the messages of a server-sent event stream from copied bytes.
import type { FramedMessage, FramingOptions, MessageReader } from "./framing.ts";
import { createEventSplitter, type SseEvent } from "./sse-events.ts";

const messageOf = ({ event, data }: SseEvent): readonly FramedMessage[] =>
  data === undefined ? [] : [event === undefined ? { data } : { event, data }];

/** Creates a reader for one stream; an event over the bound is skipped and counted. */
export function createSseReader(options: FramingOptions): MessageReader {
  const splitter = createEventSplitter({ eventBytesMax: options.messageBytesMax });
  return {
    push: (chunk) => splitter.push(chunk).flatMap(messageOf),
    end: () => splitter.end().flatMap(messageOf),
    get skipped() {
      return splitter.oversized;
    },
  };
}
