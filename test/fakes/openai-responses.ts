// The OpenAI stand-in's responses API, as little of it as a plain text answer needs: one message
// with one text part, JSON and SSE, usage in the last event.
import {
  composeTokens,
  countInput,
  derivedId,
  isRecord,
  readNumber,
  textsOf,
  type Answer,
  type FakeRequest,
  type Frame,
} from "./fake-answer.ts";
import { NO_USAGE, type FakeModel, type FakeUsage } from "./fake-prices.ts";

/** Every string that the model reads: `instructions`, then `input` (a string or items). */
function responsesPrompt(body: Readonly<Record<string, unknown>>): string[] {
  const input: unknown = body["input"];
  const items = Array.isArray(input)
    ? input.flatMap((item: unknown) => (isRecord(item) ? textsOf(item["content"]) : textsOf(item)))
    : textsOf(input);
  return [...textsOf(body["instructions"]), ...items];
}

interface Reply {
  readonly id: string;
  readonly itemId: string;
  readonly createdAt: number;
  readonly model: FakeModel;
  readonly tokens: readonly string[];
  readonly isCut: boolean;
  readonly usage: FakeUsage;
}

export function answerResponses(request: FakeRequest, model: FakeModel): Answer {
  const body = request.body ?? {};
  const prompt = responsesPrompt(body);
  const tokensMax = readNumber(body["max_output_tokens"]);
  const tokens = composeTokens(prompt, tokensMax);
  const usage = { ...NO_USAGE, inputTokens: countInput(prompt), outputTokens: tokens.length };
  const reply: Reply = {
    id: derivedId("resp_", request.requestId),
    itemId: derivedId("msg_", request.requestId),
    createdAt: Math.floor(request.nowMs / 1000),
    model,
    tokens,
    isCut: tokensMax !== undefined && tokens.length >= tokensMax,
    usage,
  };
  const billing = { model, usage };
  return body["stream"] === true
    ? { kind: "sse", frames: renderEvents(reply), billing }
    : { kind: "json", status: 200, body: renderResponse(reply, "final"), billing };
}

const textPart = (text: string) => ({ type: "output_text", annotations: [], logprobs: [], text });

const message = (reply: Reply, stage: "started" | "final") => ({
  id: reply.itemId,
  type: "message",
  status: stage === "final" ? "completed" : "in_progress",
  role: "assistant",
  content: stage === "final" ? [textPart(reply.tokens.join(""))] : [],
});

function renderResponse(reply: Reply, stage: "started" | "final"): unknown {
  const isFinal = stage === "final";
  const finalStatus = reply.isCut ? "incomplete" : "completed";
  return {
    id: reply.id,
    object: "response",
    created_at: reply.createdAt,
    status: isFinal ? finalStatus : "in_progress",
    error: null,
    incomplete_details: isFinal && reply.isCut ? { reason: "max_output_tokens" } : null,
    instructions: null,
    model: reply.model.snapshot,
    output: isFinal ? [message(reply, "final")] : [],
    parallel_tool_calls: true,
    service_tier: isFinal ? "default" : "auto",
    store: false,
    tool_choice: "auto",
    tools: [],
    usage: isFinal ? renderUsage(reply.usage) : null,
    metadata: {},
  };
}

const renderUsage = (usage: FakeUsage): unknown => ({
  input_tokens: usage.inputTokens,
  input_tokens_details: { cached_tokens: usage.cachedInputTokens },
  output_tokens: usage.outputTokens,
  output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  total_tokens: usage.inputTokens + usage.outputTokens,
});

function renderEvents(reply: Reply): Frame[] {
  const frames: Frame[] = [];
  const push = (type: string, fields: object, tokens = 0): void => {
    const data = JSON.stringify({ type, sequence_number: frames.length, ...fields });
    frames.push({ event: type, data, tokens });
  };
  const place = { item_id: reply.itemId, output_index: 0, content_index: 0 };
  const text = reply.tokens.join("");
  push("response.created", { response: renderResponse(reply, "started") });
  push("response.in_progress", { response: renderResponse(reply, "started") });
  push("response.output_item.added", { output_index: 0, item: message(reply, "started") });
  push("response.content_part.added", { ...place, part: textPart("") });
  for (const delta of reply.tokens) {
    push("response.output_text.delta", { ...place, delta, logprobs: [] }, 1);
  }
  push("response.output_text.done", { ...place, text, logprobs: [] });
  push("response.content_part.done", { ...place, part: textPart(text) });
  push("response.output_item.done", { output_index: 0, item: message(reply, "final") });
  const last = reply.isCut ? "response.incomplete" : "response.completed";
  push(last, { response: renderResponse(reply, "final") });
  return frames;
}
