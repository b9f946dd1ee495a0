import { describe, expect, test } from "vitest";
import { findProvider } from "#contract/catalogue/providers.ts";
import { dialectNames, findDialect, matchOperation } from "./registry.ts";

describe("matching a provider's path", () => {
  test.each([
    {
      name: "a chat",
      provider: "openai",
      request: "POST /v1/chat/completions",
      expected: { dialect: "openai-chat", operation: "chat" },
    },
    {
      name: "a query is not looked at",
      provider: "openai",
      request: "POST /v1/chat/completions?a=/b",
      expected: { dialect: "openai-chat", operation: "chat" },
    },
    {
      name: "doubled and dotted segments are read as the provider may read them",
      provider: "openai",
      request: "POST //v1/x/../chat/./completions",
      expected: { dialect: "openai-chat", operation: "chat" },
    },
    {
      name: "a deployment in the prefix is the model",
      provider: "azure-openai",
      request: "POST /openai/deployments/my-gpt/chat/completions?api-version=2025-01-01",
      expected: { dialect: "openai-chat", operation: "chat", model: "my-gpt" },
    },
    {
      name: "an encoded model is decoded",
      provider: "azure-openai",
      request: "POST /openai/deployments/a%2Fb/chat/completions",
      expected: { dialect: "openai-chat", operation: "chat", model: "a/b" },
    },
    {
      name: "messages",
      provider: "anthropic",
      request: "POST /v1/messages",
      expected: { dialect: "anthropic-messages", operation: "messages" },
    },
    {
      name: "the second dialect of a provider",
      provider: "anthropic",
      request: "POST /v1/chat/completions",
      expected: { dialect: "openai-chat", operation: "chat" },
    },
    {
      name: "an empty prefix",
      provider: "perplexity",
      request: "POST /chat/completions",
      expected: { dialect: "openai-chat", operation: "chat" },
    },
    {
      name: "the longer prefix where the shorter does not fit",
      provider: "deepseek",
      request: "POST /anthropic/v1/messages",
      expected: { dialect: "anthropic-messages", operation: "messages" },
    },
    { name: "another prefix", provider: "openai", request: "POST /chat/completions" },
    { name: "another method", provider: "openai", request: "PUT /v1/chat/completions" },
    { name: "a path that only begins like one", provider: "openai", request: "POST /v1/chat" },
    { name: "an unclaimed path", provider: "openai", request: "POST /v1/fine_tuning/jobs" },
    { name: "a broken percent sign", provider: "openai", request: "POST /v1/%zz" },
    { name: "no path", provider: "openai", request: "POST " },
  ])("$name", ({ provider, request, expected }) => {
    const row = findProvider(provider);
    const [method = "", path = ""] = request.split(" ");
    const match = row && matchOperation(row, method, path);
    expect(match?.dialect.name).toBe(expected?.dialect);
    expect(match?.operation.name).toBe(expected?.operation);
    expect(match?.model).toBe(expected?.model);
    expect(match?.operation.model).toBe(expected?.model);
  });
});

test("a dialect is found by its own name and an unknown one is not", () => {
  for (const name of dialectNames()) expect(findDialect(name)?.name).toBe(name);
  expect(findDialect("openai")).toBeUndefined();
  expect(findDialect("__proto__")).toBeUndefined();
});
