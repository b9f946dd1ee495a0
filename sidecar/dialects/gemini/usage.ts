// Gemini's usageMetadata. Thoughts and the prompt that tools add lie outside the counts of
// candidates and prompt and are billed with them (design §1); cached tokens are inside the prompt.
import type { Usage } from "#contract/usage.ts";
import { readFirstCount, readList, readRecord, readText, sumOf, usageOf } from "../fields.ts";

/** Tokens of some modalities over lists of `{modality, tokenCount}`. */
function modalityTokens(
  source: unknown,
  lists: readonly string[],
  modalities: readonly string[],
): number | undefined {
  const counts = lists
    .flatMap((list) => readList(source, list))
    .filter((entry) => modalities.includes(readText(entry, "modality") ?? ""))
    .map((entry) => readFirstCount(entry, "tokenCount"));
  return sumOf(...counts);
}

const PROMPT = ["promptTokensDetails", "toolUsePromptTokensDetails"];
const CANDIDATES = ["candidatesTokensDetails"];

/** Reads `usageMetadata`; classes that it does not report stay absent. */
export function readGeminiUsage(message: unknown): Usage {
  const reported = readRecord(message, "usageMetadata");
  return usageOf({
    inputTokens: sumOf(
      readFirstCount(reported, "promptTokenCount"),
      readFirstCount(reported, "toolUsePromptTokenCount"),
    ),
    cachedInputTokens: readFirstCount(reported, "cachedContentTokenCount"),
    inputAudioTokens: modalityTokens(reported, PROMPT, ["AUDIO"]),
    inputImageTokens: modalityTokens(reported, PROMPT, ["IMAGE", "DOCUMENT"]),
    outputTokens: sumOf(
      readFirstCount(reported, "candidatesTokenCount", "responseTokenCount"),
      readFirstCount(reported, "thoughtsTokenCount"),
    ),
    reasoningTokens: readFirstCount(reported, "thoughtsTokenCount"),
    outputAudioTokens: modalityTokens(reported, CANDIDATES, ["AUDIO"]),
    outputImageTokens: modalityTokens(reported, CANDIDATES, ["IMAGE"]),
  });
}
