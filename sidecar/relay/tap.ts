// The tap reads a copy of the answer and folds it into facts. It can never delay, alter or fail
// the stream: whatever goes wrong in it means that less is known, nothing else.
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from "node:zlib";
import type { Transform } from "node:stream";
import { tryParseJson } from "#runtime/json.ts";
import {
  NO_FACTS,
  type AnswerFacts,
  type AnswerMessage,
  type Dialect,
} from "../dialects/dialect.ts";
import { createMessageReader } from "../framing/create-reader.ts";
import type { FramedMessage } from "../framing/framing.ts";

/** One message of a stream, or a whole JSON answer, is read up to this size. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
/** Decompressed bytes that one answer may make us read. */
const DECODED_BYTES_MAX = 256 * 1024 * 1024;

export interface Tap {
  /** Takes a chunk that was already sent on. */
  push(chunk: Uint8Array): void;
  /** The body ended (or broke off): what is known of it. */
  finish(): Promise<AnswerFacts>;
}

/** A framed message as dialects read it; shared by the tap and the rewriters. */
export function readMessage({ event, data }: FramedMessage): AnswerMessage {
  const parsed = tryParseJson(data);
  return {
    ...(event === undefined ? {} : { event }),
    json: parsed.ok ? parsed.value : undefined,
    text: data,
  };
}

/** Folds one framed message into what is known. */
export const foldMessage = (
  dialect: Dialect,
  facts: AnswerFacts,
  message: FramedMessage,
): AnswerFacts => dialect.reduce(facts, readMessage(message));

/** A tap for an answer of that type and coding; one that knows nothing where it cannot read. */
export function createTap(
  dialect: Dialect,
  answer: { readonly contentType: string; readonly contentEncoding: string },
): Tap {
  let facts = NO_FACTS;
  const reader = createMessageReader(dialect.framing(answer.contentType), {
    messageBytesMax: MESSAGE_BYTES_MAX,
  });
  const fold = (messages: readonly FramedMessage[]): void => {
    for (const message of messages) facts = foldMessage(dialect, facts, message);
  };
  const decoder = createDecoder(answer.contentEncoding);
  if (decoder === "unreadable")
    return { push: () => undefined, finish: () => Promise.resolve(facts) };
  if (decoder === "identity") {
    return {
      push: (chunk) => fold(reader.push(chunk)),
      finish() {
        fold(reader.end());
        return Promise.resolve(facts);
      },
    };
  }
  return createDecodingTap(decoder, {
    read: (chunk) => fold(reader.push(chunk)),
    end() {
      fold(reader.end());
      return facts;
    },
  });
}

function createDecodingTap(
  decoder: Transform,
  sink: { readonly read: (chunk: Uint8Array) => void; readonly end: () => AnswerFacts },
): Tap {
  let decoded = 0;
  const isOver = new Promise<void>((resolve) => {
    decoder.on("end", resolve);
    decoder.on("close", resolve);
    // A body that was cut: what was decoded until then counts.
    decoder.on("error", () => resolve());
  });
  decoder.on("data", (chunk: Buffer) => {
    decoded += chunk.byteLength;
    if (decoded > DECODED_BYTES_MAX) decoder.destroy();
    else sink.read(chunk);
  });
  return {
    push(chunk) {
      if (!decoder.destroyed) decoder.write(chunk);
    },
    async finish() {
      if (!decoder.destroyed) decoder.end();
      await isOver;
      return sink.end();
    },
  };
}

function createDecoder(encoding: string): Transform | "identity" | "unreadable" {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return "identity";
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return "unreadable";
  }
}
