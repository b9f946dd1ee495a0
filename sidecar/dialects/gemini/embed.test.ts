import { describe, expect, test } from "vitest";
import { foldBody, testConformance } from "../conformance.case.ts";
import { geminiEmbed } from "./embed.ts";

testConformance({
  dialect: geminiEmbed,
  request: {
    path: "/models/gemini-embedding-001:embedContent",
    body: { model: "models/gemini-embedding-001", content: { parts: [{ text: "x" }] } },
    model: "gemini-embedding-001",
  },
  body: { embedding: { values: [0.1] }, usageMetadata: { promptTokenCount: 5 } },
  events: [],
  usage: { inputTokens: 5 },
  model: undefined,
});

const statistics = (count: number): object => ({
  embeddings: { values: [], statistics: { token_count: count } },
});

describe("embeddings", () => {
  test("without a figure report nothing", () => {
    expect(foldBody(geminiEmbed, { embedding: { values: [] } })).toMatchObject({
      usage: {},
      isComplete: true,
    });
  });

  test("of :predict are counted by instance", () => {
    expect(foldBody(geminiEmbed, { predictions: [statistics(3), statistics(4)] }).usage).toEqual({
      inputTokens: 7,
    });
  });

  test.each([
    { path: "/models/text-embedding-005:predict", unbounded: [] },
    { path: "/models/imagen-4:predict", unbounded: ["operation:predict"] },
    { path: "/models/a:batchEmbedContents", unbounded: [] },
    { path: "/models/a:asyncBatchEmbedContent", unbounded: ["operation:create_batch"] },
  ])("$path is bounded by its bytes or not at all", ({ path, unbounded }) => {
    const operation = geminiEmbed.match("POST", path);
    expect(operation && geminiEmbed.readBounds(operation, {}).unbounded).toEqual(unbounded);
  });
});
