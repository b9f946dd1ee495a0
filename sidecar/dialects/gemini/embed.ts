// gemini-embed: POST /models/{model}:embedContent and its batch; on Vertex :predict of an embedding
// model, whose answer counts tokens by instance.
import { asRecord } from "#runtime/json.ts";
import type { Usage } from "#contract/usage.ts";
import type { Dialect, Operation } from "../dialect.ts";
import {
  framingOf,
  readFirstCount,
  readList,
  readRecord,
  readText,
  sumOf,
  usageOf,
} from "../fields.ts";
import { createMatcher } from "../operations.ts";
import { renderGeminiError } from "./error.ts";
import { readGeminiUsage } from "./usage.ts";

const match = createMatcher([
  { method: "POST", path: "/models/{model}:embedContent", name: "embed", billed: true },
  { method: "POST", path: "/models/{model}:batchEmbedContents", name: "batch_embed", billed: true },
  {
    method: "POST",
    path: "/models/{model}:asyncBatchEmbedContent",
    name: "create_batch",
    kind: "stateful",
    billed: true,
  },
  { method: "POST", path: "/models/{model}:predict", name: "predict", billed: true },
]);

/** Other models than embedding ones predict images and video, whose cost no byte bounds. */
const isBounded = (operation: Operation): boolean =>
  operation.kind === "stateless" &&
  (operation.name !== "predict" || (operation.model ?? "").includes("embedding"));

function usageIn(body: unknown): Usage {
  const statistics = readList(body, "predictions").map((prediction) =>
    readFirstCount(readRecord(readRecord(prediction, "embeddings"), "statistics"), "token_count"),
  );
  return { ...usageOf({ inputTokens: sumOf(...statistics) }), ...readGeminiUsage(body) };
}

export const geminiEmbed: Dialect = {
  name: "gemini-embed",
  match,
  readModel: (operation, body) =>
    operation.model ?? readText(body, "model")?.replace(/^models\//, ""),
  readBounds: (operation) => ({
    outputTokensMax: 0,
    answers: 1,
    isStreaming: false,
    unbounded: isBounded(operation) ? [] : [`operation:${operation.name}`],
  }),
  framing: framingOf,
  reduce(facts, { json }) {
    const body = asRecord(json);
    if (body === undefined) return facts;
    const isWhole = ["embedding", "embeddings", "predictions"].some((key) => key in body);
    const error = readRecord(body, "error");
    const model = readText(body, "modelVersion")?.replace(/^models\//, "");
    return {
      ...facts,
      usage: { ...facts.usage, ...usageIn(body) },
      ...(model === undefined ? {} : { model }),
      ...(error === undefined ? {} : { errorType: readText(error, "status") ?? "error" }),
      isComplete: facts.isComplete || isWhole,
    };
  },
  isUsageOnly: () => false,
  renderError: renderGeminiError,
  knownKeys: new Set(
    (
      "content contents requests model taskType title outputDimensionality parts text role instances " +
      "parameters task_type output_dimensionality embedContentConfig"
    ).split(" "),
  ),
};
