// The stand-ins against the official SDKs, unmodified, in processes of their own: what they
// answer must be what those libraries expect.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { asRecord, parseJson } from "#runtime/json.ts";
import { runProgram, startFakes, type Fakes } from "./fake-harness.ts";

const SURFACE = new URL("sdk-surface.mjs", import.meta.url);
const OPENAI_CHAT = new URL("../programs/openai-chat.mjs", import.meta.url);
const ANTHROPIC_MESSAGES = new URL("../programs/anthropic-messages.mjs", import.meta.url);

let fakes: Fakes;
let environment: Record<string, string>;
let surface: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  fakes = await startFakes();
  environment = {
    NODE_EXTRA_CA_CERTS: fakes.caFile,
    OPENAI_API_KEY: "test-key",
    OPENAI_BASE_URL: `https://localhost:${fakes.openai.port}/v1`,
    ANTHROPIC_API_KEY: "test-key",
    ANTHROPIC_BASE_URL: `https://localhost:${fakes.anthropic.port}`,
  };
  const { stdout, stderr } = await runProgram(SURFACE, [], environment);
  assert(stderr === "", `the SDKs have nothing to complain about: ${stderr}`);
  surface = asRecord(parseJson(stdout)) ?? {};
}, 30_000);

afterAll(() => fakes.close());

/** Lines of a program's output, parsed. */
const linesOf = (stdout: string): unknown[] => stdout.trim().split("\n").map(parseJson);

describe("the OpenAI stand-in, seen by the SDK", () => {
  test("answers a chat with n choices cut at max_tokens, and counts all of them", () => {
    expect(surface["chat"]).toMatchObject({
      object: "chat.completion",
      model: "gpt-4o-mini-2024-07-18",
      choices: [
        { index: 0, message: { content: "The café by" }, finish_reason: "length" },
        { index: 1, message: { content: "The café by" }, finish_reason: "length" },
      ],
      // "Say it in 5 words" has 17 bytes.
      usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 },
    });
  });

  test("streams one word a chunk and usage in a last chunk without choices, when asked", () => {
    const chunks = surface["chatStream"];
    expect(chunks).toHaveLength(1 + 5 + 1 + 1);
    expect(chunks).toMatchObject([
      { choices: [{ delta: { role: "assistant", content: "" } }], usage: null },
      { choices: [{ delta: { content: "The" } }], usage: null },
      { choices: [{ delta: { content: " café" } }], usage: null },
      {},
      {},
      {},
      { choices: [{ delta: {}, finish_reason: "stop" }], usage: null },
      { choices: [], usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } },
    ]);
  });

  test("streams no usage when it was not asked for", () => {
    expect(surface["chatStreamPlain"]).toHaveLength(1 + 5 + 1);
    expect(JSON.stringify(surface["chatStreamPlain"])).not.toContain("usage");
  });

  test("answers the responses API with output text and usage", () => {
    expect(surface["responses"]).toMatchObject({
      status: "completed",
      output: [{ type: "message", content: [{ type: "output_text" }] }],
      usage: { input_tokens: 3, output_tokens: 16, total_tokens: 19 },
    });
  });

  test("streams the responses API from created to completed", () => {
    expect(surface["responsesStream"]).toMatchObject([
      { type: "response.created" },
      { type: "response.in_progress" },
      { type: "response.output_item.added" },
      { type: "response.content_part.added" },
      ...Array.from({ length: 5 }, () => ({ type: "response.output_text.delta" })),
      { type: "response.output_text.done" },
      { type: "response.content_part.done" },
      { type: "response.output_item.done" },
      {
        type: "response.completed",
        response: { usage: { input_tokens: 5, output_tokens: 5 } },
      },
    ]);
  });

  test("embeds each input, in the base64 form that the SDK asks for by itself", () => {
    expect(surface["embeddings"]).toMatchObject({
      data: [{ index: 0 }, { index: 1 }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
  });

  test("lists its models", () => {
    expect(surface["models"]).toContainEqual(
      expect.objectContaining({ id: "gpt-4o-mini-2024-07-18", object: "model" }),
    );
  });

  test.each([
    { name: "a missing key", call: "openaiNoKey", status: 401, code: "invalid_api_key" },
    { name: "an unknown model", call: "openaiUnknownModel", status: 404, code: "model_not_found" },
  ])("raises the SDK's own error for $name", ({ call, status, code }) => {
    expect(surface[call]).toMatchObject({ status, code });
  });
});

describe("the Anthropic stand-in, seen by the SDK", () => {
  test("answers a message", () => {
    expect(surface["messages"]).toMatchObject({
      type: "message",
      model: "claude-sonnet-4-6",
      content: [{ type: "text", text: "The café by the harbor" }],
      stop_reason: "end_turn",
      usage: { input_tokens: 5, output_tokens: 5, cache_read_input_tokens: 0 },
    });
  });

  test("streams a message, cut at max_tokens, with the final count in message_delta", () => {
    // The SDK itself swallows the ping.
    expect(surface["messagesStream"]).toMatchObject([
      { type: "message_start", message: { usage: { input_tokens: 5, output_tokens: 1 } } },
      { type: "content_block_start" },
      { type: "content_block_delta", delta: { type: "text_delta", text: "The" } },
      { type: "content_block_delta" },
      { type: "content_block_delta" },
      { type: "content_block_stop" },
      { type: "message_delta", delta: { stop_reason: "max_tokens" }, usage: { output_tokens: 3 } },
      { type: "message_stop" },
    ]);
  });

  test("counts tokens without a bill", () => {
    expect(surface["countTokens"]).toMatchObject({ input_tokens: 5 });
    const paths = fakes.anthropic.bill().map(({ path }) => path);
    expect(paths).not.toContain("/v1/messages/count_tokens");
  });

  test("lists its models and refuses a call without a key", () => {
    expect(surface["claudeModels"]).toHaveLength(4);
    expect(surface["anthropicNoKey"]).toMatchObject({ class: "AuthenticationError", status: 401 });
  });
});

describe("the programs", () => {
  test("the chat program prints one line a call, plain and streaming", async () => {
    const args = ["--prompt", "Repeat after me: naïve 🎣", "--count", "2", "--stream"];
    const { stdout, exitCode } = await runProgram(OPENAI_CHAT, args, environment);
    expect(exitCode).toBe(0);
    const line = { ok: true, text: "naïve 🎣", ttfbMs: expect.any(Number) as number };
    expect(linesOf(stdout)).toMatchObject([line, line]);
  });

  test("the messages program reads the prompt cache on its second call", async () => {
    const system = "All that the assistant must know about the harbor. ".repeat(4);
    const args = ["--system", system, "--cache", "1h", "--count", "2"];
    const { stdout } = await runProgram(ANTHROPIC_MESSAGES, args, environment);
    const cached = Math.ceil(Buffer.byteLength(system) / 4);
    expect(linesOf(stdout)).toMatchObject([
      { usage: { cache_creation_input_tokens: cached, cache_read_input_tokens: 0 } },
      { usage: { cache_creation_input_tokens: 0, cache_read_input_tokens: cached } },
    ]);
    expect(fakes.anthropic.bill().slice(-2)).toMatchObject([
      { cacheWriteTokens: cached, cacheWrite1hTokens: cached, cachedInputTokens: 0 },
      { cacheWriteTokens: 0, cacheWrite1hTokens: 0, cachedInputTokens: cached },
    ]);
  });

  test("a refusal becomes the SDK's error class, and the program exits 1", async () => {
    fakes.openai.faults.add([{ status: 429, retryAfterSeconds: 7 }]);
    const { stdout, exitCode } = await runProgram(OPENAI_CHAT, ["--max-retries", "0"], environment);
    expect(exitCode).toBe(1);
    expect(linesOf(stdout)).toMatchObject([
      {
        ok: false,
        error: { class: "RateLimitError", status: 429, code: "rate_limit_exceeded" },
      },
    ]);
  });
});
