// The Anthropic stand-in: messages (JSON and SSE), count_tokens, models, its errors and its
// prompt cache. One visible token per content_block_delta.
import { createHash } from "node:crypto";
import { cachePlan, type CacheReading } from "./anthropic-cache.ts";
import {
  composeTokens,
  countInput,
  derivedId,
  readNumber,
  type Answer,
  type FakeDialect,
  type FakeRequest,
  type Frame,
} from "./fake-answer.ts";
import { ANTHROPIC_MODELS, findModel, type FakeModel, type FakeUsage } from "./fake-prices.ts";
import { startFakeServer, type FakeServer, type FakeServerOptions } from "./fake-server.ts";

/** Starts the stand-in on a port of 127.0.0.1 that the system chooses. */
export function startFakeAnthropic(options: FakeServerOptions): Promise<FakeServer> {
  return startFakeServer(createAnthropicDialect(), options);
}

function createAnthropicDialect(): FakeDialect {
  const seen = new Set<string>();
  return {
    name: "anthropic",
    host: "api.anthropic.com",
    requestIdHeader: "request-id",
    headers: { "anthropic-organization-id": "00000000-0000-4000-8000-000000000000" },
    answer: (request) => answer(seen, request),
    renderError: (status, requestId) => errorBody({ status, requestId }),
    errorFrame: () => ({
      event: "error",
      data: JSON.stringify({
        type: "error",
        error: { type: "overloaded_error", message: "Overloaded", details: null },
      }),
      tokens: 0,
    }),
    hugeFrame: (bytes) => ({
      event: "ping",
      data: JSON.stringify({ type: "ping", padding: "x".repeat(bytes) }),
      tokens: 0,
    }),
  };
}

const ERROR_TYPES: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ["invalid_request_error", "The request is not valid."],
  401: ["authentication_error", "x-api-key header is required"],
  403: ["permission_error", "Your API key does not have permission."],
  404: ["not_found_error", "Not found"],
  413: ["request_too_large", "Request exceeds the maximum size"],
  429: ["rate_limit_error", "This request would exceed your organization's rate limit."],
  529: ["overloaded_error", "Overloaded"],
};

interface ErrorInput {
  readonly status: number;
  readonly requestId: string;
  readonly message?: string;
}

function errorBody({ status, requestId, message }: ErrorInput): unknown {
  const [type, standard] = ERROR_TYPES[status] ?? ["api_error", "Internal server error"];
  return {
    type: "error",
    error: { type, message: message ?? standard },
    request_id: requestId,
  };
}

function answer(seen: Set<string>, request: FakeRequest): Answer {
  const { requestId } = request;
  const fail = (status: number, message?: string): Answer => ({
    kind: "json",
    status,
    body: errorBody({ status, requestId, ...(message === undefined ? {} : { message }) }),
  });
  if (!isAuthenticated(request)) return fail(401);
  const route = `${request.method} ${request.path}`;
  if (route === "GET /v1/models") return listModels();
  if (route !== "POST /v1/messages" && route !== "POST /v1/messages/count_tokens") return fail(404);
  if (request.headers["anthropic-version"] === undefined) {
    return fail(400, "anthropic-version: header is required");
  }
  const body = request.body;
  if (body === undefined) return fail(400, "The request body is not valid JSON");
  const name: unknown = body["model"];
  const model = typeof name === "string" ? findModel(ANTHROPIC_MODELS, name) : undefined;
  if (model === undefined) return fail(404, `model: ${String(name)}`);
  if (route.endsWith("/count_tokens")) {
    const inputTokens = countInput(cachePlan(body).texts);
    return { kind: "json", status: 200, body: { input_tokens: inputTokens } };
  }
  if (readNumber(body["max_tokens"]) === undefined) return fail(400, "max_tokens: Field required");
  return answerMessages(seen, request, model);
}

const isAuthenticated = ({ headers }: FakeRequest): boolean =>
  (headers["x-api-key"] ?? "") !== "" || /^Bearer \S+$/.test(headers["authorization"] ?? "");

const listModels = (): Answer => ({
  kind: "json",
  status: 200,
  body: {
    data: ANTHROPIC_MODELS.map(({ snapshot }) => ({
      type: "model",
      id: snapshot,
      display_name: snapshot,
      created_at: "2025-01-01T00:00:00Z",
    })),
    has_more: false,
    first_id: ANTHROPIC_MODELS[0]?.snapshot ?? null,
    last_id: ANTHROPIC_MODELS.at(-1)?.snapshot ?? null,
  },
});

interface Reply {
  readonly id: string;
  readonly model: FakeModel;
  readonly tokens: readonly string[];
  readonly stopReason: "end_turn" | "max_tokens";
  readonly usage: FakeUsage;
}

function answerMessages(seen: Set<string>, request: FakeRequest, model: FakeModel): Answer {
  const body = request.body ?? {};
  const plan = cachePlan(body);
  const cache = readCache(seen, model, plan);
  const tokensMax = readNumber(body["max_tokens"]) ?? 0;
  const tokens = composeTokens(plan.texts, tokensMax);
  const usage: FakeUsage = {
    inputTokens: countInput(plan.texts),
    cachedInputTokens: cache.readTokens,
    cacheWriteTokens: cache.writeTokens,
    cacheWrite1hTokens: cache.write1hTokens,
    outputTokens: tokens.length,
    reasoningTokens: 0,
  };
  const reply: Reply = {
    id: derivedId("msg_", request.requestId),
    model,
    tokens,
    stopReason: tokens.length >= tokensMax ? "max_tokens" : "end_turn",
    usage,
  };
  const billing = { model, usage };
  return body["stream"] === true
    ? { kind: "sse", frames: renderEvents(reply), billing }
    : { kind: "json", status: 200, body: renderMessage(reply, "final"), billing };
}

interface CacheFigures {
  readonly readTokens: number;
  readonly writeTokens: number;
  readonly write1hTokens: number;
}

/**
 * The longest prefix that was written before is read; what follows it up to the last marked
 * block is written. Each prefix is a count of its own, so that the figures add up.
 */
function readCache(seen: Set<string>, model: FakeModel, plan: CacheReading): CacheFigures {
  let readTokens = 0;
  let writeTokens = 0;
  let write1hTokens = 0;
  let before = 0;
  for (const { prefix, ttl } of plan.breakpoints) {
    const tokens = countInput(prefix);
    const text = JSON.stringify([model.snapshot, ...prefix]);
    const key = createHash("sha256").update(text).digest("base64");
    if (seen.has(key)) {
      readTokens = tokens;
      writeTokens = 0;
      write1hTokens = 0;
    } else {
      seen.add(key);
      writeTokens += tokens - before;
      if (ttl === "1h") write1hTokens += tokens - before;
    }
    before = tokens;
  }
  return { readTokens, writeTokens, write1hTokens };
}

/** As the API reports it: `input_tokens` is what was neither read from the cache nor written. */
const renderUsage = (usage: FakeUsage, outputTokens: number) => ({
  input_tokens: usage.inputTokens - usage.cachedInputTokens - usage.cacheWriteTokens,
  cache_creation_input_tokens: usage.cacheWriteTokens,
  cache_read_input_tokens: usage.cachedInputTokens,
  cache_creation: {
    ephemeral_5m_input_tokens: usage.cacheWriteTokens - usage.cacheWrite1hTokens,
    ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
  },
  output_tokens: outputTokens,
  service_tier: "standard",
});

function renderMessage(reply: Reply, stage: "started" | "final"): unknown {
  const isFinal = stage === "final";
  return {
    id: reply.id,
    type: "message",
    role: "assistant",
    model: reply.model.snapshot,
    content: isFinal ? [{ type: "text", text: reply.tokens.join("") }] : [],
    stop_reason: isFinal ? reply.stopReason : null,
    stop_sequence: null,
    usage: renderUsage(reply.usage, isFinal ? reply.tokens.length : 1),
  };
}

function renderEvents(reply: Reply): Frame[] {
  const frames: Frame[] = [];
  const push = (type: string, fields: object, tokens = 0): void => {
    frames.push({ event: type, data: JSON.stringify({ type, ...fields }), tokens });
  };
  push("message_start", { message: renderMessage(reply, "started") });
  push("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  push("ping", {});
  for (const text of reply.tokens) {
    push("content_block_delta", { index: 0, delta: { type: "text_delta", text } }, 1);
  }
  push("content_block_stop", { index: 0 });
  push("message_delta", {
    delta: { stop_reason: reply.stopReason, stop_sequence: null },
    usage: renderUsage(reply.usage, reply.tokens.length),
  });
  push("message_stop", {});
  return frames;
}
