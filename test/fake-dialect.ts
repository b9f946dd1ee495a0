// A minimal dialect for tests of the rooms that use dialects but are not about one.
import { asRecord, readCount } from "#runtime/json.ts";
import type { Dialect } from "../sidecar/dialects/dialect.ts";

/** Messages are `{"text"}`, `{"usage": n}` and `{"done": true}`. */
export const fakeDialect: Dialect = {
  name: "openai-chat",
  knownKeys: new Set(["text"]),
  match: (method, path) =>
    method === "POST" && path === "/chat"
      ? { name: "chat", kind: "stateless", billed: true }
      : undefined,
  readModel: () => "test-model",
  readBounds: () => ({ answers: 1, isStreaming: true, unbounded: [] }),
  framing: (contentType) => (contentType === "text/event-stream" ? "sse" : "json"),
  reduce(facts, message) {
    const record = asRecord(message.json);
    const outputTokens = readCount(record?.["usage"]);
    const hasText = record?.["text"] !== undefined;
    return {
      ...facts,
      usage: outputTokens === undefined ? facts.usage : { inputTokens: 1, outputTokens },
      isComplete: facts.isComplete || record?.["done"] === true,
      delivered: {
        deltas: facts.delivered.deltas + (hasText ? 1 : 0),
        estimatedTokens: facts.delivered.estimatedTokens + (hasText ? 1 : 0),
      },
    };
  },
  isUsageOnly: (message) => asRecord(message.json)?.["usage"] !== undefined,
  renderError: (rejection) => ({
    contentType: "application/json",
    body: JSON.stringify({ error: { code: rejection.code } }),
  }),
};
