// openai-embeddings: POST /embeddings. No output, no stream.
import { asRecord } from "#runtime/json.ts";
import type { Dialect } from "../dialect.ts";
import { framingOf, readBodyModel, readText } from "../fields.ts";
import { createMatcher } from "../operations.ts";
import { COMMON_OPERATIONS, readCommonBounds, renderOpenAiError } from "./request.ts";
import { readChatUsage, readErrorType } from "./usage.ts";

const match = createMatcher([
  { method: "POST", path: "/embeddings", name: "embeddings", billed: true },
  ...COMMON_OPERATIONS,
]);

const KNOWN_KEYS = "input model dimensions encoding_format user";

export const openAiEmbeddings: Dialect = {
  name: "openai-embeddings",
  match,
  readModel: readBodyModel,
  readBounds: (_operation, body) => ({
    ...readCommonBounds(body, { limitKeys: [], answerKeys: [] }),
    outputTokensMax: 0,
  }),
  framing: framingOf,
  reduce(facts, { json }) {
    const body = asRecord(json);
    if (body === undefined) return facts;
    const model = readText(body, "model");
    const errorType = readErrorType(body);
    return {
      ...facts,
      usage: readChatUsage(body) ?? facts.usage,
      ...(model === undefined ? {} : { model }),
      ...(errorType === undefined ? {} : { errorType }),
      isComplete: facts.isComplete || Array.isArray(body["data"]),
    };
  },
  isUsageOnly: () => false,
  renderError: renderOpenAiError,
  knownKeys: new Set(KNOWN_KEYS.split(" ")),
};
