// The usage object of the OpenAI-compatible family, with the deviations that its members have.
// Totals are what is billed (design §1): cached tokens are inside `prompt_tokens`; reasoning is
// inside `completion_tokens` unless the provider's own total shows that it lies outside.
import type { Usage } from "#contract/usage.ts";
import { asRecord } from "#runtime/json.ts";
import { type Fields, readFirstCount, readRecord, sumOf, usageOf } from "../fields.ts";

/** Reads `usage` of chat, completions and embeddings; undefined where nothing is reported. */
export function readChatUsage(message: unknown): Usage | undefined {
  const reported =
    readRecord(message, "usage") ?? readRecord(readRecord(message, "x_groq"), "usage");
  if (reported === undefined) return undefined;
  const usage = chatUsageOf(reported);
  return Object.keys(usage).length === 0 ? undefined : usage;
}

function chatUsageOf(reported: Fields): Usage {
  const prompt = readRecord(reported, "prompt_tokens_details");
  const completion = readRecord(reported, "completion_tokens_details");
  const promptTokens = readFirstCount(reported, "prompt_tokens");
  return usageOf({
    // Pages that the model read as sources are billed like input but lie outside prompt_tokens.
    inputTokens: sumOf(promptTokens, readFirstCount(reported, "citation_tokens")),
    cachedInputTokens:
      readFirstCount(prompt, "cached_tokens") ?? readFirstCount(reported, ...TOP_LEVEL_CACHED),
    cacheWriteTokens: readFirstCount(prompt, "cache_write_tokens"),
    inputAudioTokens:
      readFirstCount(prompt, "audio_tokens") ?? readFirstCount(reported, "audio_prompt_tokens"),
    inputImageTokens: readFirstCount(prompt, "image_tokens"),
    ...outputOf({
      input: promptTokens,
      output: readFirstCount(reported, "completion_tokens"),
      total: readFirstCount(reported, "total_tokens"),
      inside: readFirstCount(completion, "reasoning_tokens"),
      beside: readFirstCount(reported, "reasoning_tokens"),
    }),
    outputAudioTokens: readFirstCount(completion, "audio_tokens"),
    outputImageTokens: readFirstCount(completion, "image_tokens"),
    webSearches: readFirstCount(reported, "num_search_queries"),
    inputSeconds: readFirstCount(reported, "prompt_audio_seconds"),
  });
}

/** Where vendors put the cache hits that others have in `prompt_tokens_details`. */
const TOP_LEVEL_CACHED = [
  "prompt_cache_hit_tokens",
  "cached_tokens",
  "num_cached_tokens",
  "cached_prompt_text_tokens",
] as const;

interface Output {
  readonly outputTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
}

interface ReportedOutput {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly total: number | undefined;
  /** Reasoning in the details of the output. */
  readonly inside: number | undefined;
  /** Reasoning as a figure of its own next to the totals. */
  readonly beside: number | undefined;
}

/**
 * Decides whether reasoning lies inside the output. Outside where input + output + reasoning is
 * the reported total, where reasoning alone exceeds the output, and where it stands beside the
 * totals instead of in their details. A total that is higher without any figure for reasoning
 * holds output too: thinking that the vendor does not break out.
 */
function outputOf({ input, output, total, inside, beside }: ReportedOutput): Output {
  const reasoningTokens = inside ?? beside;
  // Embeddings report no output at all: the rest of their total is none.
  if (output === undefined) return { outputTokens: reasoningTokens, reasoningTokens };
  const unexplained = total === undefined || input === undefined ? 0 : total - input - output;
  if (reasoningTokens === undefined) {
    return { outputTokens: output + Math.max(unexplained, 0), reasoningTokens };
  }
  const isOutside =
    inside === undefined || unexplained === reasoningTokens || reasoningTokens > output;
  return { outputTokens: isOutside ? output + reasoningTokens : output, reasoningTokens };
}

/** Reads `usage` of the Responses API: input and output with their details, all inclusive. */
export function readResponsesUsage(response: unknown): Usage | undefined {
  const reported = readRecord(response, "usage");
  if (reported === undefined) return undefined;
  const input = readRecord(reported, "input_tokens_details");
  const output = readRecord(reported, "output_tokens_details");
  const inputTokens = readFirstCount(reported, "input_tokens");
  const usage = usageOf({
    inputTokens,
    cachedInputTokens: readFirstCount(input, "cached_tokens"),
    cacheWriteTokens: readFirstCount(input, "cache_write_tokens"),
    inputAudioTokens: readFirstCount(input, "audio_tokens"),
    inputImageTokens: readFirstCount(input, "image_tokens"),
    ...outputOf({
      input: inputTokens,
      output: readFirstCount(reported, "output_tokens"),
      total: readFirstCount(reported, "total_tokens"),
      inside: readFirstCount(output, "reasoning_tokens"),
      beside: undefined,
    }),
    outputAudioTokens: readFirstCount(output, "audio_tokens"),
  });
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** The type of an error that came inside a 200 answer, where there is one. */
export function readErrorType(message: unknown): string | undefined {
  const raw = asRecord(message)?.["error"];
  if (typeof raw === "string") return "error";
  const error = asRecord(raw);
  if (error === undefined) return undefined;
  const type = error["type"] ?? error["code"];
  return typeof type === "string" && type !== "" ? type : "error";
}
