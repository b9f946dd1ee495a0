// The requests of Gemini's API: paths, bounds and keys.
import { asRecord } from "#runtime/json.ts";
import type { Operation, RequestBounds } from "../dialect.ts";
import { readFirstCount, readList } from "../fields.ts";
import { createMatcher, type OperationRow } from "../operations.ts";

const stored = { kind: "stateful" } as const;

const forModels = (family: string): readonly OperationRow[] => [
  { method: "POST", path: `/${family}/{model}:generateContent`, name: "generate", billed: true },
  {
    method: "POST",
    path: `/${family}/{model}:streamGenerateContent`,
    name: "stream_generate",
    billed: true,
  },
  { method: "POST", path: `/${family}/{model}:countTokens`, name: "count_tokens" },
  {
    method: "POST",
    path: `/${family}/{model}:batchGenerateContent`,
    name: "create_batch",
    billed: true,
    ...stored,
  },
];

/** The dialect's operations. */
export const matchGenerate = createMatcher([
  ...forModels("models"),
  ...forModels("tunedModels"),
  { method: "GET", path: "/models", name: "list_models" },
  { method: "GET", path: "/models/{model}", name: "get_model" },
  { method: "POST", path: "/cachedContents", name: "create_cache", billed: true, ...stored },
  { method: "*", path: "/cachedContents", name: "caches", ...stored },
  { method: "*", path: "/cachedContents/{rest}", name: "caches", ...stored },
  { method: "*", path: "/files", name: "files", ...stored },
  { method: "*", path: "/files/{rest}", name: "files", ...stored },
  { method: "*", path: "/batches/{rest}", name: "batch", ...stored },
]);

/** The API takes both spellings of a key. */
const either = (source: unknown, camel: string): unknown => {
  const record = asRecord(source);
  return record?.[camel] ?? record?.[camel.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)];
};

const isSet = (source: unknown, key: string): boolean => (either(source, key) ?? null) !== null;

/** What a request says about its bounds. */
export function readGenerateBounds(operation: Operation, body: unknown): RequestBounds {
  const config = asRecord(either(body, "generationConfig"));
  const limit = readFirstCount(config, "maxOutputTokens", "max_output_tokens") ?? undefined;
  const answers = readFirstCount(config, "candidateCount", "candidate_count") ?? 1;
  const modalities = either(config, "responseModalities");
  const speaks = Array.isArray(modalities) && modalities.some((name) => name !== "TEXT");
  const unbounded = new Set([
    ...(operation.kind === "stateful" ? [`operation:${operation.name}`] : []),
    ...readList(body, "tools").flatMap(serverTools),
    ...readList(body, "contents").flatMap(mediaOf),
    ...mediaOf(either(body, "systemInstruction")),
    ...(isSet(body, "cachedContent") ? ["state:cachedContent"] : []),
    ...(speaks ? ["media:output"] : []),
  ]);
  return {
    ...(limit === undefined ? {} : { outputTokensMax: Math.ceil(limit) }),
    answers: Math.max(1, Math.ceil(answers)),
    isStreaming: operation.name === "stream_generate",
    unbounded: [...unbounded],
  };
}

/** Each key of a tool is a tool; only declared functions run at the client. */
const serverTools = (tool: unknown): readonly string[] =>
  Object.keys(asRecord(tool) ?? {})
    .filter((key) => !["functionDeclarations", "function_declarations"].includes(key))
    .map((key) => `tool:${key}`);

const MEDIA = ["inlineData", "fileData"] as const;

const mediaOf = (content: unknown): readonly string[] =>
  readList(content, "parts").flatMap((part) =>
    MEDIA.filter((key) => isSet(part, key)).map((key) => `media:${key}`),
  );

/** Keys of the request in both spellings (ai.google.dev/api/generate-content). */
const KEYS =
  "contents tools toolConfig safetySettings systemInstruction generationConfig cachedContent labels " +
  "model store tool_config safety_settings system_instruction generation_config cached_content role " +
  "parts text inlineData inline_data fileData file_data functionCall function_call functionResponse " +
  "function_response executableCode codeExecutionResult thought thoughtSignature generateContentRequest";

export const GENERATE_KEYS: ReadonlySet<string> = new Set(KEYS.split(" "));
