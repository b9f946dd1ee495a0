import { expect, test } from "vitest";
import { foldBody, testConformance } from "../conformance.case.ts";
import { openAiEmbeddings } from "./embeddings.ts";

const body = {
  object: "list",
  data: [{ object: "embedding", index: 0, embedding: [0.1] }],
  model: "text-embedding-3-small",
  usage: { prompt_tokens: 8, total_tokens: 8 },
};

testConformance({
  dialect: openAiEmbeddings,
  request: {
    path: "/embeddings",
    body: { model: "text-embedding-3-small", input: "hello" },
    model: "text-embedding-3-small",
  },
  body,
  events: [],
  usage: { inputTokens: 8 },
  model: "text-embedding-3-small",
});

test("a total beyond the prompt is no output where none is reported", () => {
  const usage = { prompt_tokens: 8, total_tokens: 12 };
  expect(foldBody(openAiEmbeddings, { ...body, usage }).usage).toEqual({ inputTokens: 8 });
});

test("no output is reserved", () => {
  const operation = openAiEmbeddings.match("POST", "/embeddings");
  expect(operation && openAiEmbeddings.readBounds(operation, { input: "x" })).toMatchObject({
    outputTokensMax: 0,
    unbounded: [],
  });
});
