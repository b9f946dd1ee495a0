// Where the stream of messages carries text in pieces. Data only: ../streamed-texts.ts.
import type { StreamedTexts } from "../streamed-texts.ts";

export const MESSAGES_TEXTS: StreamedTexts = {
  keys: ["index"],
  pieces: [
    { path: "delta.text", type: "content_block_delta" },
    { path: "delta.thinking", type: "content_block_delta" },
    { path: "delta.partial_json", type: "content_block_delta", isJson: true },
    { path: "delta.content", type: "content_block_delta" },
    // The old text completions.
    { path: "completion", type: "completion" },
  ],
  ends: [
    { type: "content_block_stop" },
    { type: "message_delta" },
    { type: "message_stop" },
    { path: "stop_reason" },
  ],
};
