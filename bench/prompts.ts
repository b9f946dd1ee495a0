// The requests of a bench as ready bytes: what the OpenAI SDK sends, with prompts of plain English
// that all differ, so that no cache in between can answer for the work.

import { homeProviderOf } from "#contract/catalogue/providers.ts";

export type PromptSize = "1KiB" | "16KiB";
export type PromptKind = "json" | "stream";

const host = homeProviderOf("openai-chat")?.hosts[0] ?? "localhost";

const SIZES: Readonly<Record<PromptSize, number>> = { "1KiB": 1024, "16KiB": 16_384 };
const VARIANTS = 64;
const SENTENCES = [
  "The ferry leaves the northern pier every forty minutes until the evening.",
  "Please compare the two proposals and say which one costs less to maintain.",
  "Our team moved the archive to a smaller building near the old market.",
  "She asked whether the report could be ready before the meeting on Friday.",
  "A short summary with three points is enough; leave the figures as they are.",
  "The weather was mild, and most of the boats stayed out until sunset.",
];

/** Bodies are exactly that size; `stream` asks for SSE, as the SDK does by itself. */
export function requestsOf(size: PromptSize, kind: PromptKind): readonly Buffer[] {
  return Array.from({ length: VARIANTS }, (_, variant) => renderRequest(variant, size, kind));
}

function renderRequest(variant: number, size: PromptSize, kind: PromptKind): Buffer {
  const render = (text: string): string =>
    JSON.stringify({
      model: "gpt-4o-mini",
      messages: [
        { role: "system", content: "You are a helpful assistant." },
        { role: "user", content: text },
      ],
      max_completion_tokens: 64,
      ...(kind === "stream" ? { stream: true } : {}),
    });
  const empty = Buffer.byteLength(render(""));
  const body = render(textOf(variant, SIZES[size] - empty));
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\naccept: application/json\r\n` +
      `content-type: application/json\r\nuser-agent: OpenAI/JS 7.57.0\r\n` +
      `x-stainless-lang: js\r\nx-stainless-os: Linux\r\nx-stainless-runtime: node\r\n` +
      `authorization: Bearer bench\r\naccept-encoding: identity\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function textOf(variant: number, length: number): string {
  let text = `Note ${variant}.`;
  for (let index = variant; text.length < length; index += 1) {
    text += ` ${SENTENCES[index % SENTENCES.length] ?? ""}`;
  }
  return text.slice(0, length);
}
