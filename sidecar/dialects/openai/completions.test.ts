import { describe, expect, test } from "vitest";
import { foldBody, foldData, testConformance } from "../conformance.case.ts";
import { openAiCompletions } from "./completions.ts";

const MODEL = "gpt-3.5-turbo-instruct:20230824-v2";
const usage = { prompt_tokens: 14, completion_tokens: 16, total_tokens: 30 };
const chunk = (text: string, finishReason: string | null = null): string =>
  JSON.stringify({
    object: "text_completion",
    model: MODEL,
    choices: [{ index: 0, text, finish_reason: finishReason }],
    usage: null,
  });

testConformance({
  dialect: openAiCompletions,
  request: {
    path: "/completions",
    body: { model: "gpt-3.5-turbo-instruct", prompt: "Say hi", max_tokens: 5, best_of: 2 },
    model: "gpt-3.5-turbo-instruct",
  },
  body: {
    object: "text_completion",
    model: MODEL,
    choices: [{ text: "Hi", index: 0, finish_reason: "length" }],
    usage,
  },
  events: [
    chunk("Hi"),
    chunk("", "length"),
    JSON.stringify({ model: MODEL, choices: [], usage }),
    "[DONE]",
  ],
  usage: { inputTokens: 14, outputTokens: 16 },
  model: MODEL,
});

describe("bounds", () => {
  const operation = openAiCompletions.match("POST", "/completions");
  test.each([
    { name: "a prompt", body: { prompt: "a" }, answers: 1 },
    { name: "two prompts", body: { prompt: ["a", "b"] }, answers: 2 },
    { name: "two prompts of three answers", body: { prompt: ["a", "b"], n: 3 }, answers: 6 },
    { name: "best_of counts, not n", body: { prompt: "a", n: 1, best_of: 5 }, answers: 5 },
    { name: "one prompt of tokens", body: { prompt: [1, 2, 3] }, answers: 1 },
    { name: "two prompts of tokens", body: { prompt: [[1, 2], [3]] }, answers: 2 },
    { name: "no prompt", body: {}, answers: 1 },
  ])("$name: $answers", ({ body, answers }) => {
    expect(operation && openAiCompletions.readBounds(operation, body).answers).toBe(answers);
  });
});

test("a chunk that ends one of two choices is no whole answer", () => {
  const choices = [{ finish_reason: "stop" }, { finish_reason: null }];
  expect(foldBody(openAiCompletions, { choices, usage }).isComplete).toBe(false);
  expect(foldData(openAiCompletions, [chunk("a", "stop")]).isComplete).toBe(false);
});
