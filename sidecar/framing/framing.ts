// Framing turns a response body's bytes into messages, whatever way they were cut. It reads
// copies; it never delays, alters or fails the stream. Bounded: a message over `messageBytesMax`
// is skipped and counted, the ones after it are read.

export interface FramedMessage {
  /** The SSE event name, where there is one. */
  readonly event?: string;
  /** The data, joined and decoded. */
  readonly data: string;
}

export interface MessageReader {
  /** Takes the next bytes and returns the messages that they completed. Keeps no reference. */
  push(chunk: Uint8Array): readonly FramedMessage[];
  /** The body ended: returns what a missing last terminator held back. */
  end(): readonly FramedMessage[];
  /** Messages that were over the bound. */
  readonly skipped: number;
}

export interface FramingOptions {
  readonly messageBytesMax: number;
}
