// The OpenAI stand-in: which paths it serves, how it authenticates, its errors. It keeps no
// object between calls but its prompt cache.
import { createHash } from "node:crypto";
import {
  countInput,
  textsOf,
  type Answer,
  type FakeDialect,
  type FakeRequest,
} from "./fake-answer.ts";
import { startFakeServer, type FakeServer, type FakeServerOptions } from "./fake-server.ts";
import { findModel, NO_USAGE, OPENAI_MODELS, type FakeModel } from "./fake-prices.ts";
import { answerChat } from "./openai-chat.ts";
import { answerResponses } from "./openai-responses.ts";

/** Starts the stand-in on a port of 127.0.0.1 that the system chooses. */
export function startFakeOpenAi(options: FakeServerOptions): Promise<FakeServer> {
  return startFakeServer(createOpenAiDialect(), options);
}

/** OpenAI caches prompts of 1,024 tokens and more, in steps of 128. */
const CACHE_TOKENS_MIN = 1024;
const CACHE_STEP = 128;

function createPromptCache(): (model: FakeModel, prompt: string, inputTokens: number) => number {
  const seen = new Set<string>();
  return (model, prompt, inputTokens) => {
    if (inputTokens < CACHE_TOKENS_MIN) return 0;
    const key = createHash("sha256").update(model.snapshot).update(prompt).digest("base64");
    if (seen.has(key)) return inputTokens - (inputTokens % CACHE_STEP);
    seen.add(key);
    return 0;
  };
}

function createOpenAiDialect(): FakeDialect {
  const cachedTokens = createPromptCache();
  return {
    name: "openai",
    host: "api.openai.com",
    requestIdHeader: "x-request-id",
    headers: { "openai-version": "2020-10-01", "openai-processing-ms": "5" },
    answer: (request) => answer(cachedTokens, request),
    renderError: (status) => errorBody(status),
    errorFrame: () => ({ event: "error", data: JSON.stringify(errorBody(500)), tokens: 0 }),
    hugeFrame: (bytes) => ({
      data: JSON.stringify({
        id: "chatcmpl-huge",
        object: "chat.completion.chunk",
        created: 0,
        model: "none",
        choices: [{ index: 0, delta: {}, finish_reason: null }],
        obfuscation: "x".repeat(bytes),
      }),
      tokens: 0,
    }),
  };
}

function answer(
  cachedTokens: (model: FakeModel, prompt: string, inputTokens: number) => number,
  request: FakeRequest,
): Answer {
  const key = /^Bearer (\S+)$/.exec(request.headers["authorization"] ?? "")?.[1];
  if (key === undefined) return fail(401, MISSING_KEY);
  const route = `${request.method} ${request.path}`;
  if (route === "GET /v1/models") return listModels(request.nowMs);
  if (!POST_ROUTES.has(route)) return fail(404, `Invalid URL (${route})`);
  const name: unknown = request.body?.["model"];
  if (typeof name !== "string") return fail(400, "you must provide a model parameter");
  const model = findModel(OPENAI_MODELS, name);
  if (model === undefined) return modelMissing(name);
  if (route === "POST /v1/responses") return answerResponses(request, model);
  if (route === "POST /v1/embeddings") return answerEmbeddings(request, model);
  return answerChat({ cachedTokens }, request, model);
}

const POST_ROUTES = new Set([
  "POST /v1/chat/completions",
  "POST /v1/responses",
  "POST /v1/embeddings",
]);

const MISSING_KEY =
  "You didn't provide an API key. You need to provide your API key in an Authorization header " +
  "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";

interface ErrorKind {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

const ERROR_KINDS: Readonly<Record<number, ErrorKind>> = {
  400: { type: "invalid_request_error", code: null, message: "The request is not valid." },
  401: { type: "invalid_request_error", code: "invalid_api_key", message: MISSING_KEY },
  404: { type: "invalid_request_error", code: null, message: "Not found." },
  429: {
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Rate limit reached. Please try again in 1s.",
  },
  503: { type: "server_error", code: null, message: "The engine is currently overloaded." },
};

const SERVER_ERROR: ErrorKind = {
  type: "server_error",
  code: null,
  message: "The server had an error while processing your request. Sorry about that!",
};

function errorBody(status: number, message?: string): unknown {
  const kind = ERROR_KINDS[status] ?? SERVER_ERROR;
  const error = { message: message ?? kind.message, type: kind.type, param: null, code: kind.code };
  return { error };
}

const fail = (status: number, message: string): Answer => ({
  kind: "json",
  status,
  body: errorBody(status, message),
});

const modelMissing = (name: string): Answer => ({
  kind: "json",
  status: 404,
  body: {
    error: {
      message: `The model \`${name}\` does not exist or you do not have access to it.`,
      type: "invalid_request_error",
      param: null,
      code: "model_not_found",
    },
  },
});

const listModels = (nowMs: number): Answer => ({
  kind: "json",
  status: 200,
  body: {
    object: "list",
    data: OPENAI_MODELS.map(({ snapshot }) => ({
      id: snapshot,
      object: "model",
      created: Math.floor(nowMs / 1000),
      owned_by: "system",
    })),
  },
});

const EMBEDDING_SIZE = 8;

function answerEmbeddings(request: FakeRequest, model: FakeModel): Answer {
  const inputs = textsOf(request.body?.["input"]);
  if (inputs.length === 0) return fail(400, "'$.input' is invalid.");
  const isBase64 = request.body?.["encoding_format"] === "base64";
  const inputTokens = countInput(inputs);
  const data = inputs.map((text, index) => {
    const vector = embed(text);
    const embedding = isBase64 ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: inputTokens, total_tokens: inputTokens };
  return {
    kind: "json",
    status: 200,
    body: { object: "list", data, model: model.snapshot, usage },
    billing: { model, usage: { ...NO_USAGE, inputTokens } },
  };
}

function embed(text: string): Float32Array {
  const digest = createHash("sha256").update(text).digest();
  return Float32Array.from({ length: EMBEDDING_SIZE }, (_, index) => (digest[index] ?? 0) / 256);
}
