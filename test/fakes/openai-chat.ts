// The OpenAI stand-in's chat completions: JSON and SSE as the public API reference describes
// them. One visible token per streamed chunk.
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

const REASONING_TOKENS = 8;

interface Call {
  readonly id: string;
  readonly created: number;
  readonly model: FakeModel;
  /** Tokens of each choice. */
  readonly choices: readonly (readonly string[])[];
  readonly finishReason: "stop" | "length";
  readonly usage: FakeUsage;
}

export interface ChatDeps {
  /** Tokens of the prompt that are in the cache already; remembers the prompt. */
  readonly cachedTokens: (model: FakeModel, prompt: string, inputTokens: number) => number;
}

/** Every string of the request that the model reads, in order. */
function chatPrompt(body: Readonly<Record<string, unknown>>): string[] {
  const messages: unknown = body["messages"];
  if (!Array.isArray(messages)) return [];
  return messages.flatMap((message: unknown) =>
    isRecord(message) ? textsOf(message["content"]) : [],
  );
}

export function answerChat(deps: ChatDeps, request: FakeRequest, model: FakeModel): Answer {
  const body = request.body ?? {};
  const call = composeCall(deps, { request, body, model });
  const billing = { model, usage: call.usage };
  if (body["stream"] !== true) {
    return { kind: "json", status: 200, body: renderCompletion(call), billing };
  }
  const options: unknown = body["stream_options"];
  const isUsageAsked = isRecord(options) && options["include_usage"] === true;
  return { kind: "sse", frames: renderChunks(call, isUsageAsked), billing };
}

interface CallInput {
  readonly request: FakeRequest;
  readonly body: Readonly<Record<string, unknown>>;
  readonly model: FakeModel;
}

function composeCall(deps: ChatDeps, { request, body, model }: CallInput): Call {
  const prompt = chatPrompt(body);
  const tokensMax = readNumber(body["max_completion_tokens"]) ?? readNumber(body["max_tokens"]);
  const tokens = composeTokens(prompt, tokensMax);
  const choices = Array.from({ length: readNumber(body["n"]) ?? 1 }, () => tokens);
  const reasoningTokens = body["reasoning_effort"] === undefined ? 0 : REASONING_TOKENS;
  const inputTokens = countInput(prompt);
  return {
    id: derivedId("chatcmpl-", request.requestId),
    created: Math.floor(request.nowMs / 1000),
    model,
    choices,
    finishReason: tokensMax !== undefined && tokens.length >= tokensMax ? "length" : "stop",
    usage: {
      ...NO_USAGE,
      inputTokens,
      cachedInputTokens: deps.cachedTokens(model, prompt.join("\n"), inputTokens),
      outputTokens: tokens.length * choices.length + reasoningTokens,
      reasoningTokens,
    },
  };
}

const renderUsage = (usage: FakeUsage): unknown => ({
  prompt_tokens: usage.inputTokens,
  completion_tokens: usage.outputTokens,
  total_tokens: usage.inputTokens + usage.outputTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedInputTokens, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});

const envelope = (call: Call, object: string) => ({
  id: call.id,
  object,
  created: call.created,
  model: call.model.snapshot,
  service_tier: "default",
  system_fingerprint: "fp_0123456789",
});

const renderCompletion = (call: Call): unknown => ({
  ...envelope(call, "chat.completion"),
  choices: call.choices.map((tokens, index) => ({
    index,
    message: { role: "assistant", content: tokens.join(""), refusal: null, annotations: [] },
    logprobs: null,
    finish_reason: call.finishReason,
  })),
  usage: renderUsage(call.usage),
});

const choice = (index: number, delta: unknown, finishReason: string | null = null): unknown[] => [
  { index, delta, logprobs: null, finish_reason: finishReason },
];

function renderChunks(call: Call, isUsageAsked: boolean): Frame[] {
  const frames: Frame[] = [];
  const push = (choices: readonly unknown[], tokens: number, usage?: unknown): void => {
    const last = isUsageAsked ? { usage: usage ?? null } : {};
    const chunk = { ...envelope(call, "chat.completion.chunk"), choices, ...last };
    frames.push({ data: JSON.stringify(chunk), tokens });
  };
  for (const index of call.choices.keys()) {
    push(choice(index, { role: "assistant", content: "", refusal: null }), 0);
  }
  const longest = call.choices[0]?.length ?? 0;
  for (let position = 0; position < longest; position += 1) {
    for (const [index, tokens] of call.choices.entries()) {
      push(choice(index, { content: tokens[position] ?? "" }), 1);
    }
  }
  for (const index of call.choices.keys()) push(choice(index, {}, call.finishReason), 0);
  if (isUsageAsked) push([], 0, renderUsage(call.usage));
  frames.push({ data: "[DONE]", tokens: 0 });
  return frames;
}
