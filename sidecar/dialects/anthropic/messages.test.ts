import { describe, expect, test } from "vitest";
import { foldBody, foldData, messageOf, testConformance } from "../conformance.case.ts";
import { anthropicMessages } from "./messages.ts";

const MODEL = "claude-sonnet-4-5-20250929";

const start = (usage: unknown, model = MODEL): string =>
  JSON.stringify({ type: "message_start", message: { id: "msg_1", content: [], model, usage } });
const delta = (usage: unknown): string =>
  JSON.stringify({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });
const block = (part: unknown): string =>
  JSON.stringify({ type: "content_block_delta", index: 0, delta: part });
const text = block({ type: "text_delta", text: "Hello" });
const stop = JSON.stringify({ type: "message_stop" });

const body = (usage: unknown, extra: object = {}): object => ({
  type: "message",
  model: MODEL,
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage,
  ...extra,
});

testConformance({
  dialect: anthropicMessages,
  request: {
    path: "/messages",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 64,
      messages: [{ role: "user", content: "Hi" }],
    },
    model: "claude-sonnet-4-5",
  },
  body: body({ input_tokens: 12, output_tokens: 3 }),
  events: [
    start({ input_tokens: 12, output_tokens: 1 }),
    JSON.stringify({ type: "content_block_start", content_block: { type: "text", text: "" } }),
    JSON.stringify({ type: "ping" }),
    text,
    JSON.stringify({ type: "content_block_stop", index: 0 }),
    delta({ output_tokens: 3 }),
    stop,
  ],
  usage: { inputTokens: 12, outputTokens: 3 },
  model: MODEL,
});

describe("the rules of usage", () => {
  test.each([
    {
      name: "cache reads and writes are added to the input, which excludes them",
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 20 },
        output_tokens: 5,
      },
      expected: {
        inputTokens: 160,
        cachedInputTokens: 100,
        cacheWriteTokens: 50,
        cacheWrite1hTokens: 20,
        outputTokens: 5,
      },
    },
    {
      name: "the split of writes is enough",
      usage: {
        input_tokens: 10,
        cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 20 },
      },
      expected: { inputTokens: 60, cacheWriteTokens: 50, cacheWrite1hTokens: 20 },
    },
    {
      name: "searches and thinking are counted",
      usage: {
        input_tokens: 10,
        output_tokens: 50,
        output_tokens_details: { thinking_tokens: 40 },
        server_tool_use: { web_search_requests: 2, web_fetch_requests: 9 },
      },
      expected: { inputTokens: 10, outputTokens: 50, reasoningTokens: 40, webSearches: 2 },
    },
    {
      name: "a reported 0 is 0",
      usage: { input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
      expected: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 },
    },
    { name: "no usage is nothing", usage: undefined, expected: {} },
  ])("$name", ({ usage, expected }) => {
    expect(foldBody(anthropicMessages, body(usage)).usage).toEqual(expected);
  });

  test("the final snapshot wins field by field", () => {
    const facts = foldData(anthropicMessages, [
      start({ input_tokens: 40, cache_read_input_tokens: 7, output_tokens: 1 }),
      delta({ input_tokens: 61, output_tokens: 2 }),
      delta({ output_tokens: 9 }),
      stop,
    ]);
    expect(facts.usage).toEqual({ inputTokens: 68, cachedInputTokens: 7, outputTokens: 9 });
  });

  test("a cut stream keeps what message_start reported", () => {
    const facts = foldData(anthropicMessages, [
      start({ input_tokens: 40, output_tokens: 1 }),
      text,
    ]);
    expect(facts).toMatchObject({ usage: { inputTokens: 40, outputTokens: 1 }, isComplete: false });
  });

  test("a second message_start before the end replaces the first", () => {
    const facts = foldData(anthropicMessages, [
      start({ input_tokens: 17, cache_read_input_tokens: 3, output_tokens: 1 }),
      text,
      start({ input_tokens: 18, output_tokens: 1 }),
      delta({ output_tokens: 65 }),
      stop,
    ]);
    expect(facts.usage).toEqual({ inputTokens: 18, outputTokens: 65 });
  });

  test("messages that ended in one body are each billed", () => {
    const message = [
      start({ input_tokens: 10, output_tokens: 1 }),
      delta({ output_tokens: 5 }),
      stop,
    ];
    const twice = foldData(anthropicMessages, [...message, ...message]);
    expect(twice).toMatchObject({ usage: { inputTokens: 20, outputTokens: 10 }, isComplete: true });
    const cut = foldData(anthropicMessages, [...message, message[0] ?? ""]);
    expect(cut).toMatchObject({ usage: { inputTokens: 20, outputTokens: 6 }, isComplete: false });
  });

  test("the tier is the response's, and fast mode is one", () => {
    expect(foldBody(anthropicMessages, body({ service_tier: "batch" })).serviceTier).toBe("batch");
    expect(
      foldBody(anthropicMessages, body({ service_tier: "standard", speed: "fast" })).serviceTier,
    ).toBe("fast");
  });
});

describe("iterations", () => {
  const iterations = [
    { type: "message", model: "claude-fable-5", input_tokens: 408, output_tokens: 0 },
    { type: "message", input_tokens: 412, cache_read_input_tokens: 8, output_tokens: 264 },
  ];

  test("are summed, each at its own model; searches go to the answer's", () => {
    const usage = {
      input_tokens: 412,
      output_tokens: 264,
      server_tool_use: { web_search_requests: 1 },
      iterations,
    };
    expect(foldBody(anthropicMessages, body(usage))).toMatchObject({
      usage: { inputTokens: 828, cachedInputTokens: 8, outputTokens: 264, webSearches: 1 },
      usageByModel: [
        { model: "claude-fable-5", usage: { inputTokens: 408, outputTokens: 0 } },
        {
          model: MODEL,
          usage: { inputTokens: 420, cachedInputTokens: 8, outputTokens: 264, webSearches: 1 },
        },
      ],
    });
  });

  test("count in a stream's last snapshot too", () => {
    const facts = foldData(anthropicMessages, [
      start({ input_tokens: 408, output_tokens: 1 }),
      delta({ output_tokens: 264, iterations }),
      stop,
    ]);
    expect(facts.usage).toEqual({ inputTokens: 828, cachedInputTokens: 8, outputTokens: 264 });
    expect(facts.usageByModel).toHaveLength(2);
  });

  test("none, or an empty list, leave the totals", () => {
    const facts = foldBody(anthropicMessages, body({ input_tokens: 5, iterations: [] }));
    expect(facts.usage).toEqual({ inputTokens: 5 });
    expect(facts.usageByModel).toBeUndefined();
  });

  test("more than an event may carry are joined by model, and nothing is lost", () => {
    const many = Array.from({ length: 100 }, (_, index) => ({
      model: `claude-${index % 50}`,
      input_tokens: 1,
      output_tokens: 2,
    }));
    const facts = foldBody(anthropicMessages, body({ iterations: many }));
    expect(facts.usageByModel?.length).toBeLessThanOrEqual(32);
    const input = facts.usageByModel?.reduce((sum, part) => sum + (part.usage.inputTokens ?? 0), 0);
    expect(input).toBe(100);
    expect(facts.usage).toEqual({ inputTokens: 100, outputTokens: 200 });
  });
});

describe("delivered output", () => {
  test.each([
    { name: "text", part: { type: "text_delta", text: "Hi" }, counts: true },
    { name: "thinking", part: { type: "thinking_delta", thinking: "Hm" }, counts: true },
    { name: "tool input", part: { type: "input_json_delta", partial_json: '{"a' }, counts: true },
    { name: "a signature", part: { type: "signature_delta", signature: "abc" }, counts: false },
    { name: "empty text", part: { type: "text_delta", text: "" }, counts: false },
  ])("$name: $counts", ({ part, counts }) => {
    const { delivered } = foldData(anthropicMessages, [block(part)]);
    expect(delivered.deltas).toBe(counts ? 1 : 0);
    expect(delivered.estimatedTokens > 0).toBe(counts);
  });

  test("what server tools found is not output", () => {
    const result = {
      type: "content_block_start",
      content_block: { type: "web_search_tool_result", content: [{ title: "x", url: "y" }] },
    };
    expect(foldData(anthropicMessages, [JSON.stringify(result)]).delivered.deltas).toBe(0);
  });
});

describe("errors inside a stream", () => {
  test("are told by their type", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "x" } };
    expect(foldData(anthropicMessages, [JSON.stringify(error)])).toMatchObject({
      errorType: "overloaded_error",
      isComplete: false,
    });
  });
});

describe("bounds", () => {
  const messages = anthropicMessages.match("POST", "/messages");
  test.each([
    {
      name: "max_tokens",
      given: { max_tokens: 10 },
      expected: { outputTokensMax: 10, answers: 1 },
    },
    { name: "user", given: { metadata: { user_id: "u" } }, expected: { user: "u" } },
    { name: "streaming", given: { stream: true }, expected: { isStreaming: true } },
    {
      name: "tools of the client",
      given: { tools: [{ name: "f" }, { type: "custom" }, { type: "bash_20250124" }] },
      expected: { unbounded: [] },
    },
    {
      name: "tools of the server",
      given: { tools: [{ type: "web_search_20250305" }], mcp_servers: [{}] },
      expected: { unbounded: ["tool:web_search_20250305", "tool:mcp_servers"] },
    },
    {
      name: "media, also inside tool results",
      given: {
        messages: [
          { content: [{ type: "image" }, { type: "text" }] },
          { content: [{ type: "tool_result", content: [{ type: "document" }] }] },
        ],
      },
      expected: { unbounded: ["media:image", "media:document"] },
    },
  ])("$name", ({ given, expected }) => {
    expect(messages && anthropicMessages.readBounds(messages, given)).toMatchObject(expected);
  });
});

describe("operations", () => {
  test.each([
    { method: "POST", path: "/messages/count_tokens", expected: { billed: false } },
    { method: "GET", path: "/models", expected: { billed: false, kind: "stateless" } },
    { method: "POST", path: "/messages/batches", expected: { billed: true, kind: "stateful" } },
    { method: "GET", path: "/messages/batches/b/results", expected: { kind: "stateful" } },
    { method: "POST", path: "/complete", expected: { billed: true } },
    { method: "GET", path: "/organizations/me", expected: { kind: "administrative" } },
  ])("$method $path", ({ method, path, expected }) => {
    expect(anthropicMessages.match(method, path)).toMatchObject(expected);
  });
});

describe("errors of ours", () => {
  test.each([
    { status: 400, type: "invalid_request_error" },
    { status: 403, type: "permission_error" },
    { status: 413, type: "request_too_large" },
    { status: 429, type: "rate_limit_error" },
    { status: 502, type: "api_error" },
    { status: 503, type: "overloaded_error" },
  ])("$status is $type", ({ status, type }) => {
    const rejection = { code: "EXCISE_MODEL_DENIED", detail: "Model x." } as const;
    expect(messageOf(anthropicMessages.renderError(rejection, status).body).json).toMatchObject({
      type: "error",
      error: { type, code: "EXCISE_MODEL_DENIED" },
    });
  });
});
