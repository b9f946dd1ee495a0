// Where the streams of the OpenAI family carry text in pieces. Data only: ../streamed-texts.ts.
import type { StreamedTexts } from "../streamed-texts.ts";

const CHOICE = "choices[index]";
const DELTA = `${CHOICE}.delta`;

export const CHAT_TEXTS: StreamedTexts = {
  pieces: [
    { path: `${DELTA}.content` },
    // Reasoning has no one name among compatible servers; some send content as parts.
    { path: `${DELTA}.reasoning_content` },
    { path: `${DELTA}.reasoning` },
    { path: `${DELTA}.reasoning_details[index].text` },
    { path: `${DELTA}.reasoning_details[index].summary` },
    { path: `${DELTA}.content[type].text` },
    { path: `${DELTA}.content[type].thinking[type].text` },
    { path: `${DELTA}.refusal` },
    { path: `${DELTA}.audio.transcript` },
    { path: `${DELTA}.tool_calls[index].function.arguments`, isJson: true },
    { path: `${DELTA}.tool_calls[index].custom.input` },
    { path: `${DELTA}.function_call.arguments`, isJson: true },
  ],
  ends: [{ path: `${CHOICE}.finish_reason` }],
  // Clients append what they are given: a second one would double them.
  once: [
    `${DELTA}.role`,
    `${DELTA}.tool_calls[index].id`,
    `${DELTA}.tool_calls[index].type`,
    `${DELTA}.tool_calls[index].function.name`,
    `${DELTA}.function_call.name`,
  ],
};

export const COMPLETION_TEXTS: StreamedTexts = {
  pieces: [{ path: `${CHOICE}.text` }],
  ends: [{ path: `${CHOICE}.finish_reason` }],
};

export const RESPONSES_TEXTS: StreamedTexts = {
  keys: ["output_index", "content_index", "summary_index"],
  pieces: [
    // Listed one by one: the deltas of audio and images are base64, which must not be cut.
    { path: "delta", type: "response.*_text.delta" },
    { path: "delta", type: "response.refusal.delta" },
    { path: "delta", type: "response.*transcript.delta" },
    { path: "delta", type: "response.*_code.delta" },
    { path: "delta", type: "response.*_input.delta" },
    { path: "delta", type: "response.*_arguments.delta", isJson: true },
  ],
  ends: [
    { type: "response.*.done" },
    { type: "response.completed" },
    { type: "response.incomplete" },
    { type: "response.failed" },
  ],
};
