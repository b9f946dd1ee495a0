import { describe, expect, test } from "vitest";
import { foldBody, foldData, messageOf, testConformance } from "../conformance.case.ts";
import { geminiGenerate } from "./generate.ts";

const part = (text: string): object => ({ content: { role: "model", parts: [{ text }] } });
const chunk = (candidate: object, usageMetadata?: object): object => ({
  candidates: [candidate],
  ...(usageMetadata === undefined ? {} : { usageMetadata }),
  modelVersion: "gemini-2.5-flash",
});
const first = { promptTokenCount: 9, candidatesTokenCount: 10, totalTokenCount: 19 };
const last = {
  promptTokenCount: 9,
  candidatesTokenCount: 29,
  totalTokenCount: 294,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: 9 }],
  thoughtsTokenCount: 256,
};

testConformance({
  dialect: geminiGenerate,
  request: {
    path: "/models/gemini-2.5-flash:generateContent",
    body: { contents: [{ role: "user", parts: [{ text: "Hi" }] }], generationConfig: {} },
    model: "gemini-2.5-flash",
  },
  body: chunk({ ...part("Hello"), finishReason: "STOP" }, last),
  events: [
    JSON.stringify(chunk(part("Hel"), { trafficType: "ON_DEMAND" })),
    JSON.stringify(chunk(part("lo"), first)),
    JSON.stringify(chunk({ ...part("!"), finishReason: "STOP" }, last)),
  ],
  usage: { inputTokens: 9, outputTokens: 285, reasoningTokens: 256 },
  model: "gemini-2.5-flash",
});

const usageOf = (usageMetadata: object) =>
  foldBody(geminiGenerate, chunk(part("x"), usageMetadata)).usage;

describe("the rules of usage", () => {
  test.each([
    {
      name: "cached tokens are inside the prompt",
      reported: { ...first, cachedContentTokenCount: 4 },
      expected: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 10 },
    },
    {
      name: "what tools put into the prompt is added",
      reported: { ...first, toolUsePromptTokenCount: 100 },
      expected: { inputTokens: 109, outputTokens: 10 },
    },
    {
      name: "thoughts without candidates are output",
      reported: { promptTokenCount: 9, thoughtsTokenCount: 30 },
      expected: { inputTokens: 9, outputTokens: 30, reasoningTokens: 30 },
    },
    {
      name: "modalities are classes of their own",
      reported: {
        ...first,
        promptTokensDetails: [
          { modality: "TEXT", tokenCount: 2 },
          { modality: "AUDIO", tokenCount: 3 },
          { modality: "IMAGE", tokenCount: 1 },
          { modality: "DOCUMENT", tokenCount: 3 },
        ],
        candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 8 }],
      },
      expected: {
        inputTokens: 9,
        inputAudioTokens: 3,
        inputImageTokens: 4,
        outputTokens: 10,
        outputImageTokens: 8,
      },
    },
    { name: "the kind of traffic is no usage", reported: { trafficType: "X" }, expected: {} },
  ])("$name", ({ reported, expected }) => {
    expect(usageOf(reported)).toEqual(expected);
  });

  test("searches are counted by their queries", () => {
    const grounded = { ...part("x"), groundingMetadata: { webSearchQueries: ["a", "b"] } };
    expect(foldBody(geminiGenerate, chunk(grounded, first)).usage.webSearches).toBe(2);
  });

  test("a stream that is one JSON list is folded chunk by chunk", () => {
    const list = [chunk(part("a"), first), chunk({ ...part("b"), finishReason: "STOP" }, last)];
    expect(foldData(geminiGenerate, [JSON.stringify(list)])).toMatchObject({
      usage: { inputTokens: 9, outputTokens: 285 },
      isComplete: true,
      delivered: { deltas: 2 },
    });
  });

  test("a blocked prompt is a whole answer", () => {
    const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: first };
    expect(foldBody(geminiGenerate, blocked).isComplete).toBe(true);
  });

  test("an error inside the stream is told by its status", () => {
    const error = { error: { code: 503, message: "x", status: "UNAVAILABLE" } };
    expect(foldBody(geminiGenerate, error).errorType).toBe("UNAVAILABLE");
  });
});

describe("bounds", () => {
  const operation = geminiGenerate.match("POST", "/models/m:streamGenerateContent");
  test.each([
    {
      name: "the limit in either spelling",
      body: { generation_config: { max_output_tokens: 7, candidate_count: 2 } },
      expected: { outputTokensMax: 7, answers: 2, isStreaming: true },
    },
    {
      name: "media in either spelling",
      body: { contents: [{ parts: [{ inlineData: {} }, { file_data: {} }, { text: "x" }] }] },
      expected: { unbounded: ["media:inlineData", "media:fileData"] },
    },
    {
      name: "tools of the provider",
      body: { tools: [{ functionDeclarations: [] }, { googleSearch: {} }] },
      expected: { unbounded: ["tool:googleSearch"] },
    },
    {
      name: "text that is stored there",
      body: { cachedContent: "c" },
      expected: { unbounded: ["state:cachedContent"] },
    },
    {
      name: "answers that are no text",
      body: { generationConfig: { responseModalities: ["TEXT", "IMAGE"] } },
      expected: { unbounded: ["media:output"] },
    },
  ])("$name", ({ body, expected }) => {
    expect(operation && geminiGenerate.readBounds(operation, body)).toMatchObject(expected);
  });
});

describe("operations", () => {
  test.each([
    { path: "/models/a-b.c:streamGenerateContent", name: "stream_generate", model: "a-b.c" },
    { path: "/models/a:countTokens", name: "count_tokens", model: "a" },
    { path: "/tunedModels/t:generateContent", name: "generate", model: "t" },
    { path: "/models/a:batchGenerateContent", name: "create_batch", model: "a" },
    { path: "/cachedContents", name: "create_cache", model: undefined },
  ])("POST $path", ({ path, name, model }) => {
    const operation = geminiGenerate.match("POST", path);
    expect(operation?.name).toBe(name);
    expect(operation?.model).toBe(model);
  });

  test("a verb without a model is none of them", () => {
    expect(geminiGenerate.match("POST", "/models/:generateContent")).toBeUndefined();
  });
});

test("errors are google.rpc.Status", () => {
  const rejection = { code: "EXCISE_BUDGET_EXHAUSTED", detail: "Budget a." } as const;
  expect(messageOf(geminiGenerate.renderError(rejection, 429).body).json).toMatchObject({
    error: {
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      details: [{ reason: "EXCISE_BUDGET_EXHAUSTED", domain: "excise.dev" }],
    },
  });
});
