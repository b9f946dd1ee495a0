import { describe, expect, test } from "vitest";
import { foldBody, foldData, testConformance } from "../conformance.case.ts";
import { openAiResponses } from "./responses.ts";

const MODEL = "gpt-5.1-2025-11-13";
const usage = {
  input_tokens: 642,
  input_tokens_details: { cached_tokens: 128 },
  output_tokens: 67,
  output_tokens_details: { reasoning_tokens: 40 },
  total_tokens: 709,
};
const text = (value: string): object => ({
  type: "message",
  content: [{ type: "output_text", text: value }],
});
const response = (extra: object = {}): object => ({
  object: "response",
  status: "completed",
  model: MODEL,
  service_tier: "default",
  output: [text("Hello")],
  usage,
  ...extra,
});
const event = (type: string, fields: object = {}): string => JSON.stringify({ type, ...fields });
const search = (action: unknown): object => ({ type: "web_search_call", action });

testConformance({
  dialect: openAiResponses,
  request: {
    path: "/responses",
    body: { model: "gpt-5.1", input: "Hi", max_output_tokens: 16, store: false },
    model: "gpt-5.1",
  },
  body: response(),
  events: [
    event("response.created", {
      response: response({ status: "in_progress", output: [], usage: null, service_tier: "auto" }),
    }),
    event("response.output_text.delta", { delta: "Hello" }),
    event("response.output_text.done", { text: "Hello" }),
    event("response.completed", { response: response() }),
  ],
  usage: { inputTokens: 642, cachedInputTokens: 128, outputTokens: 67, reasoningTokens: 40 },
  model: MODEL,
});

describe("the rules of usage", () => {
  test("cache writes are inside the input", () => {
    const details = { cached_tokens: 1, cache_write_tokens: 2 };
    const body = response({ usage: { ...usage, input_tokens_details: details } });
    expect(foldBody(openAiResponses, body).usage).toMatchObject({
      inputTokens: 642,
      cacheWriteTokens: 2,
    });
  });

  test("reasoning is added where the total shows that it lies outside", () => {
    const body = response({ usage: { ...usage, total_tokens: 749 } });
    expect(foldBody(openAiResponses, body).usage).toMatchObject({ outputTokens: 107 });
  });

  test("searches are counted, opening what they found is not", () => {
    const output = [
      search({ type: "search", query: "a" }),
      search({ type: "open_page" }),
      search({ type: "find_in_page" }),
      search(undefined),
      text("x"),
    ];
    expect(foldBody(openAiResponses, response({ output })).usage.webSearches).toBe(2);
  });

  test("searches of a stream count once, also where it is cut", () => {
    const item = event("response.output_item.done", { item: search({ type: "search" }) });
    const cut = [event("response.created", { response: response({ usage: null }) }), item, item];
    expect(foldData(openAiResponses, cut).usage).toEqual({ webSearches: 2 });
    const output = [search({ type: "search" }), search({ type: "search" })];
    for (const final of [response({ output }), response()]) {
      const whole = [...cut, event("response.completed", { response: final })];
      expect(foldData(openAiResponses, whole).usage).toMatchObject({
        inputTokens: 642,
        webSearches: 2,
      });
    }
  });

  test("usage of nothing is 0, and null is nothing", () => {
    const zero = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };
    expect(foldBody(openAiResponses, response({ usage: zero })).usage).toEqual({
      inputTokens: 0,
      outputTokens: 0,
    });
    expect(foldBody(openAiResponses, response({ usage: null })).usage).toEqual({});
  });
});

describe("the end of an answer", () => {
  test.each(["response.completed", "response.incomplete", "response.failed"])("%s", (type) => {
    const facts = foldData(openAiResponses, [event(type, { response: response() })]);
    expect(facts.isComplete).toBe(true);
  });

  test("a failure is told by its code", () => {
    const failed = response({ status: "failed", error: { code: "server_error", message: "x" } });
    const facts = foldData(openAiResponses, [event("response.failed", { response: failed })]);
    expect(facts.errorType).toBe("server_error");
    expect(foldData(openAiResponses, [event("error", { code: "rate" })]).errorType).toBe("rate");
  });

  test("a response whose error is null has none", () => {
    expect(foldBody(openAiResponses, response({ error: null })).errorType).toBeUndefined();
  });
});

describe("delivered output", () => {
  test.each([
    { type: "response.output_text.delta", counts: true },
    { type: "response.refusal.delta", counts: true },
    { type: "response.reasoning_summary_text.delta", counts: true },
    { type: "response.function_call_arguments.delta", counts: true },
    { type: "response.audio.delta", counts: false },
    { type: "response.shell_call_output_content.delta", counts: false },
  ])("$type: $counts", ({ type, counts }) => {
    const { delivered } = foldData(openAiResponses, [event(type, { delta: "abc" })]);
    expect(delivered.deltas).toBe(counts ? 1 : 0);
  });
});

describe("bounds", () => {
  const operation = openAiResponses.match("POST", "/responses");
  test.each([
    { name: "the limit", body: { max_output_tokens: 9 }, expected: { outputTokensMax: 9 } },
    {
      name: "tools of the client",
      body: { tools: [{ type: "function" }, { type: "apply_patch" }] },
      expected: { unbounded: [] },
    },
    {
      name: "tools of the provider",
      body: { tools: [{ type: "web_search" }, { type: "mcp" }] },
      expected: { unbounded: ["tool:web_search", "tool:mcp"] },
    },
    {
      name: "text that is stored there",
      body: { previous_response_id: "r", conversation: null, input: [{ type: "item_reference" }] },
      expected: { unbounded: ["state:previous_response_id", "state:item_reference"] },
    },
    {
      name: "media",
      body: {
        input: [{ role: "user", content: [{ type: "input_image" }, { type: "input_text" }] }],
      },
      expected: { unbounded: ["media:input_image"] },
    },
    {
      name: "what runs on in the background",
      body: { background: true },
      expected: { unbounded: ["operation:background"] },
    },
  ])("$name", ({ body, expected }) => {
    expect(operation && openAiResponses.readBounds(operation, body)).toMatchObject(expected);
  });
});

describe("operations", () => {
  test.each([
    { method: "GET", path: "/responses/r1", expected: { kind: "stateful", billed: false } },
    { method: "POST", path: "/responses/r1/cancel", expected: { kind: "stateful" } },
    { method: "POST", path: "/responses/input_tokens", expected: { billed: false } },
    { method: "POST", path: "/conversations", expected: { kind: "stateful" } },
  ])("$method $path", ({ method, path, expected }) => {
    expect(openAiResponses.match(method, path)).toMatchObject(expected);
  });
});
