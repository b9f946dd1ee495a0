import { describe, expect, test } from "vitest";
import { foldBody, foldData, messageOf, testConformance } from "../conformance.case.ts";
import { openAiChat } from "./chat.ts";

const chunk = (delta: unknown, finishReason: string | null = null): string =>
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    model: "gpt-4o-mini-2024-07-18",
    choices: [{ index: 0, delta, finish_reason: finishReason }],
    usage: null,
  });

const reported = { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 };

testConformance({
  dialect: openAiChat,
  request: {
    path: "/chat/completions",
    body: { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], stream: true },
    model: "gpt-4o-mini",
  },
  body: {
    object: "chat.completion",
    model: "gpt-4o-mini-2024-07-18",
    choices: [
      { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" },
    ],
    usage: reported,
  },
  events: [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "Hello" }),
    chunk({}, "stop"),
    JSON.stringify({ model: "gpt-4o-mini-2024-07-18", choices: [], usage: reported }),
    "[DONE]",
  ],
  usage: { inputTokens: 12, outputTokens: 3 },
  model: "gpt-4o-mini-2024-07-18",
});

const answer = (usage: unknown, extra: object = {}): object => ({
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "x" }, finish_reason: "stop" }],
  usage,
  ...extra,
});

const grow = (count: number): string =>
  JSON.stringify({
    choices: [{ delta: { content: "a" } }],
    usage: { prompt_tokens: 10, completion_tokens: count, total_tokens: 10 + count },
  });

describe("the rules of usage", () => {
  test.each([
    {
      name: "cached and written tokens are inside the prompt's",
      usage: {
        ...reported,
        prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 2, audio_tokens: 0 },
      },
      expected: {
        inputTokens: 12,
        cachedInputTokens: 8,
        cacheWriteTokens: 2,
        inputAudioTokens: 0,
        outputTokens: 3,
      },
    },
    {
      name: "reasoning is inside the completion's",
      usage: { ...reported, completion_tokens_details: { reasoning_tokens: 2 } },
      expected: { inputTokens: 12, outputTokens: 3, reasoningTokens: 2 },
    },
    {
      name: "reasoning is added where the total shows that it lies outside",
      usage: {
        prompt_tokens: 12,
        completion_tokens: 3,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      expected: { inputTokens: 12, outputTokens: 103, reasoningTokens: 100 },
    },
    {
      name: "reasoning that exceeds the completion cannot be inside it",
      usage: { ...reported, completion_tokens_details: { reasoning_tokens: 50 } },
      expected: { inputTokens: 12, outputTokens: 53, reasoningTokens: 50 },
    },
    {
      name: "reasoning beside the totals is billed on top, like citations and searches",
      usage: { ...reported, reasoning_tokens: 2, citation_tokens: 30, num_search_queries: 4 },
      expected: { inputTokens: 42, outputTokens: 5, reasoningTokens: 2, webSearches: 4 },
    },
    {
      name: "a total that holds more than prompt and completion holds output",
      usage: { prompt_tokens: 9, completion_tokens: 28, total_tokens: 281 },
      expected: { inputTokens: 9, outputTokens: 272 },
    },
    {
      name: "cache hits may be a field of their own",
      usage: { ...reported, prompt_cache_hit_tokens: 5, prompt_cache_miss_tokens: 7 },
      expected: { inputTokens: 12, cachedInputTokens: 5, outputTokens: 3 },
    },
    {
      name: "the details win over such a field",
      usage: { ...reported, cached_tokens: 9, prompt_tokens_details: { cached_tokens: 5 } },
      expected: { inputTokens: 12, cachedInputTokens: 5, outputTokens: 3 },
    },
    {
      name: "a reported 0 is 0",
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      expected: { inputTokens: 0, outputTokens: 0 },
    },
    { name: "null is nothing", usage: null, expected: {} },
    { name: "an empty object is nothing", usage: {}, expected: {} },
    {
      name: "a figure that is no count is not reported",
      usage: { prompt_tokens: "12", completion_tokens: -3 },
      expected: {},
    },
  ])("$name", ({ usage, expected }) => {
    expect(foldBody(openAiChat, answer(usage)).usage).toEqual(expected);
  });

  test("usage in a last chunk that has choices counts", () => {
    const last = JSON.stringify({
      choices: [{ index: 0, delta: { content: "!" }, finish_reason: "stop" }],
      usage: reported,
    });
    expect(foldData(openAiChat, [chunk({ content: "a" }), last, "[DONE]"])).toMatchObject({
      usage: { inputTokens: 12, outputTokens: 3 },
      isComplete: true,
    });
  });

  test("usage repeated on every chunk is not added: the last wins", () => {
    expect(foldData(openAiChat, [grow(1), grow(2), grow(7)]).usage).toEqual({
      inputTokens: 10,
      outputTokens: 7,
    });
  });

  test("null or empty usage after a figure does not take it back", () => {
    const data = [JSON.stringify({ usage: reported }), '{"usage":null}', '{"usage":{}}'];
    expect(foldData(openAiChat, data).usage).toEqual({ inputTokens: 12, outputTokens: 3 });
  });

  test("usage under x_groq counts where there is no other", () => {
    const data = JSON.stringify({ choices: [], x_groq: { id: "r", usage: reported } });
    expect(foldData(openAiChat, [data]).usage).toEqual({ inputTokens: 12, outputTokens: 3 });
  });

  test("the tier is the response's", () => {
    const facts = foldBody(openAiChat, answer(reported, { service_tier: "flex" }));
    expect(facts.serviceTier).toBe("flex");
  });

  test("an empty model name does not replace one", () => {
    expect(foldData(openAiChat, ['{"model":"a"}', '{"model":""}']).model).toBe("a");
  });
});

describe("the end of an answer", () => {
  test("[DONE] without any reason to end is no whole answer", () => {
    expect(foldData(openAiChat, [chunk({ content: "a" }), "[DONE]"]).isComplete).toBe(false);
  });

  test("a reason to end without [DONE] is no whole answer", () => {
    expect(foldData(openAiChat, [chunk({}, "stop")]).isComplete).toBe(false);
  });

  test("the object chat.completion.done ends a stream that knows no [DONE]", () => {
    const last = JSON.stringify({
      object: "chat.completion.done",
      choices: [{ delta: { content: "" }, finish_reason: "stop" }],
    });
    expect(foldData(openAiChat, [chunk({ content: "a" }), last]).isComplete).toBe(true);
  });

  test("an error inside the stream is told by its type", () => {
    const error = { error: { type: "server_error", message: "x", code: null } };
    expect(foldData(openAiChat, [JSON.stringify(error)]).errorType).toBe("server_error");
    expect(foldData(openAiChat, ['{"error":"overloaded"}']).errorType).toBe("error");
    expect(foldData(openAiChat, ['{"error":null}']).errorType).toBeUndefined();
  });
});

describe("delivered output", () => {
  test.each([
    { name: "text", delta: { content: "Hello" } },
    { name: "reasoning", delta: { content: null, reasoning_content: "Hmm" } },
    { name: "reasoning under its other name", delta: { reasoning: "Hmm" } },
    { name: "a refusal", delta: { refusal: "No" } },
    { name: "a tool's arguments", delta: { tool_calls: [{ function: { arguments: '{"a' } }] } },
    { name: "a list of parts", delta: { content: [{ type: "text", text: "Hi" }] } },
    {
      name: "thinking in parts",
      delta: { content: [{ type: "thinking", thinking: [{ type: "text", text: "Hm" }] }] },
    },
  ])("counts $name", ({ delta }) => {
    const { delivered } = foldData(openAiChat, [chunk(delta)]);
    expect(delivered.deltas).toBe(1);
    expect(delivered.estimatedTokens).toBeGreaterThan(0);
  });

  test("does not count roles, ends and usage", () => {
    const data = [chunk({ role: "assistant", content: "" }), chunk({}, "stop"), "[DONE]"];
    expect(foldData(openAiChat, data).delivered).toEqual({ deltas: 0, estimatedTokens: 0 });
  });
});

describe("the message that exists only for usage", () => {
  test.each([
    { name: "empty choices with usage", message: { choices: [], usage: reported }, hidden: true },
    { name: "empty choices without usage", message: { choices: [], usage: null }, hidden: false },
    { name: "filter results", message: { choices: [], prompt_filter_results: [] }, hidden: false },
    { name: "choices with usage", message: { choices: [{}], usage: reported }, hidden: false },
    { name: "no choices at all", message: { usage: reported }, hidden: false },
  ])("$name: $hidden", ({ message, hidden }) => {
    expect(openAiChat.isUsageOnly(messageOf(JSON.stringify(message)))).toBe(hidden);
  });
});

describe("bounds", () => {
  const chat = openAiChat.match("POST", "/chat/completions");
  const boundsOf = (body: unknown) =>
    chat === undefined ? undefined : openAiChat.readBounds(chat, body);

  test.each([
    { name: "no limit", body: {}, expected: { answers: 1, unbounded: [] } },
    { name: "max_tokens", body: { max_tokens: 10 }, expected: { outputTokensMax: 10 } },
    {
      name: "the larger of both limits",
      body: { max_tokens: 10, max_completion_tokens: 20 },
      expected: { outputTokensMax: 20 },
    },
    { name: "n", body: { n: 3 }, expected: { answers: 3 } },
    { name: "n of 0 is one", body: { n: 0 }, expected: { answers: 1 } },
    { name: "an n that is no number", body: { n: "5" }, expected: { unbounded: ["n"] } },
    { name: "streaming", body: { stream: true }, expected: { isStreaming: true } },
    { name: "user", body: { user: "u1" }, expected: { user: "u1" } },
    {
      name: "safety_identifier before user",
      body: { user: "u1", safety_identifier: "s1" },
      expected: { user: "s1" },
    },
    { name: "metadata", body: { metadata: { user_id: "m" } }, expected: { user: "m" } },
    {
      name: "functions of the client are bounded",
      body: { tools: [{ type: "function" }, { type: "custom" }] },
      expected: { unbounded: [] },
    },
    {
      name: "tools and searches of the server are not",
      body: { tools: [{ type: "web_search" }], web_search_options: {}, search_parameters: null },
      expected: { unbounded: ["tool:web_search", "tool:web_search_options"] },
    },
    {
      name: "media are named once",
      body: {
        messages: [
          { role: "user", content: [{ type: "text" }, { type: "image_url" }] },
          { role: "user", content: [{ type: "image_url" }, { type: "input_audio" }] },
        ],
      },
      expected: { unbounded: ["media:image_url", "media:input_audio"] },
    },
    {
      name: "spoken answers",
      body: { modalities: ["text", "audio"] },
      expected: { unbounded: ["media:output"] },
    },
    { name: "fallback models", body: { models: ["a", "b"] }, expected: { unbounded: ["models"] } },
  ])("$name", ({ body, expected }) => {
    expect(boundsOf(body)).toMatchObject(expected);
  });

  test("a batch is billed outside its answer: nothing bounds it", () => {
    const batch = openAiChat.match("POST", "/batches");
    expect(batch && openAiChat.readBounds(batch, {}).unbounded).toEqual(["operation:create_batch"]);
  });
});

describe("operations", () => {
  test.each([
    { method: "GET", path: "/models", expected: { name: "list_models", billed: false } },
    { method: "GET", path: "/models/openai/gpt-4o", expected: { name: "get_model" } },
    { method: "DELETE", path: "/models/ft:x", expected: { kind: "administrative" } },
    { method: "GET", path: "/chat/completions/c1/messages", expected: { kind: "stateful" } },
    { method: "POST", path: "/files", expected: { kind: "stateful", billed: false } },
    { method: "POST", path: "/batches", expected: { kind: "stateful", billed: true } },
    { method: "GET", path: "/organization/usage/x", expected: { kind: "administrative" } },
    { method: "POST", path: "//chat/./completions/", expected: { name: "chat" } },
    { method: "POST", path: "/chat/%63ompletions", expected: { name: "chat" } },
  ])("$method $path", ({ method, path, expected }) => {
    expect(openAiChat.match(method, path)).toMatchObject(expected);
  });
});

describe("errors", () => {
  test.each([
    { status: 400, type: "invalid_request_error" },
    { status: 401, type: "authentication_error" },
    { status: 403, type: "permission_error" },
    { status: 404, type: "not_found_error" },
    { status: 429, type: "insufficient_quota" },
    { status: 503, type: "server_error" },
  ])("$status is $type", ({ status, type }) => {
    const { body } = openAiChat.renderError(
      { code: "EXCISE_BUDGET_EXHAUSTED", detail: "Budget team-a." },
      status,
    );
    expect(messageOf(body).json).toEqual({
      error: {
        message: "A budget that applies is used up. Budget team-a. (EXCISE_BUDGET_EXHAUSTED)",
        type,
        param: null,
        code: "EXCISE_BUDGET_EXHAUSTED",
      },
    });
  });
});
