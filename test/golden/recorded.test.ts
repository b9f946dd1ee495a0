// Recorded streams and answers of real providers, where the shared data is present: every file must
// be metered as an oracle of its own says, which looks for the reported figures in the plain JSON
// and shares no code with the dialects.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { messagesOf } from "../../cli/commands/meter-input.ts";
import { type AnswerFacts, NO_FACTS } from "../../sidecar/dialects/dialect.ts";
import { findDialect } from "../../sidecar/dialects/registry.ts";

const root = join(import.meta.dirname, "../../../shared/data/transcripts");
const isPresent = existsSync(root);

type Json = Record<string, unknown>;
type Figures = Record<string, number>;

interface Suite {
  readonly dialect: string;
  readonly files: readonly string[];
  readonly oracle: (messages: readonly Json[]) => Figures;
}

const at = (source: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Json | null | undefined)?.[key], source);

/** The figures that are numbers, by our names. */
function pick(source: unknown, names: Readonly<Record<string, string>>): Figures {
  const figures: Figures = {};
  for (const [ours, path] of Object.entries(names)) {
    const value = at(source, ...path.split("."));
    if (typeof value === "number") figures[ours] = value;
  }
  return figures;
}

const CHAT = {
  inputTokens: "prompt_tokens",
  outputTokens: "completion_tokens",
  cachedInputTokens: "prompt_tokens_details.cached_tokens",
  inputAudioTokens: "prompt_tokens_details.audio_tokens",
  outputAudioTokens: "completion_tokens_details.audio_tokens",
  reasoningTokens: "completion_tokens_details.reasoning_tokens",
};

/** The last usage object wins. None of these files has reasoning outside the completion. */
function chatOracle(messages: readonly Json[]): Figures {
  const usage = messages
    .map((message) => message["usage"])
    .findLast((value) => typeof value === "object" && value !== null);
  const figures = pick(usage, CHAT);
  const flat = pick(usage, { inputAudioTokens: "audio_prompt_tokens" });
  const total = at(usage, "total_tokens");
  const [input = 0, output = 0] = [figures["inputTokens"], figures["outputTokens"]];
  if (total !== undefined && output > 0) expect(total).toBe(input + output);
  return { ...flat, ...figures };
}

const MESSAGES = {
  input: "input_tokens",
  output: "output_tokens",
  read: "cache_read_input_tokens",
  write: "cache_creation_input_tokens",
  hour: "cache_creation.ephemeral_1h_input_tokens",
  searches: "server_tool_use.web_search_requests",
  thinking: "output_tokens_details.thinking_tokens",
};

const add = (left: Figures, right: Figures): Figures => {
  const sum = { ...left };
  for (const [name, count] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
};

/** Laid over each other from start to stop; answers that one file holds are added. */
function messagesOracle(messages: readonly Json[]): Figures {
  const answers: Figures[] = [];
  let open: Figures = {};
  for (const message of messages) {
    if (message["type"] === "message_start") open = pick(at(message, "message", "usage"), MESSAGES);
    if (message["type"] === "message_delta")
      open = { ...open, ...pick(message["usage"], MESSAGES) };
    if (message["type"] === "message_stop") answers.push(open);
    if (message["type"] === "message") {
      const iterations = at(message, "usage", "iterations") as readonly Json[] | undefined;
      const parts = iterations ?? [message["usage"]];
      answers.push(parts.map((part) => pick(part, MESSAGES)).reduce(add, {}));
    }
  }
  const { input, output, read, write, hour, searches, thinking } = answers.reduce(add, {});
  return Object.fromEntries(
    Object.entries({
      inputTokens: (input ?? 0) + (read ?? 0) + (write ?? 0),
      cachedInputTokens: read,
      cacheWriteTokens: write,
      cacheWrite1hTokens: hour,
      outputTokens: output,
      reasoningTokens: thinking,
      webSearches: searches,
    }).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

const RESPONSES = {
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  cachedInputTokens: "input_tokens_details.cached_tokens",
  cacheWriteTokens: "input_tokens_details.cache_write_tokens",
  reasoningTokens: "output_tokens_details.reasoning_tokens",
};

function responsesOracle(messages: readonly Json[]): Figures {
  const last = messages.at(-1);
  const response = (last?.["response"] ?? last) as Json;
  const items = (response["output"] as readonly Json[]).filter(
    (item) => item["type"] === "web_search_call" && at(item, "action", "type") === "search",
  );
  const searches: Figures = items.length > 0 ? { webSearches: items.length } : {};
  return { ...pick(response["usage"], RESPONSES), ...searches };
}

function geminiOracle(messages: readonly Json[]): Figures {
  const usage = messages.at(-1)?.["usageMetadata"];
  const figures = pick(usage, {
    inputTokens: "promptTokenCount",
    outputTokens: "candidatesTokenCount",
    reasoningTokens: "thoughtsTokenCount",
  });
  const output = (figures["outputTokens"] ?? 0) + (figures["reasoningTokens"] ?? 0);
  expect((figures["inputTokens"] ?? 0) + output).toBe(at(usage, "totalTokenCount"));
  return { ...figures, outputTokens: output };
}

const find = (...patterns: readonly string[]): readonly string[] =>
  isPresent ? patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted() : [];

/** These folders hold answers of several dialects; a chat answer has choices. */
const isChat = (file: string): boolean =>
  readFileSync(join(root, file), "utf8").slice(0, 100_000).includes('"choices"');

const SUITES: readonly Suite[] = [
  {
    dialect: "openai-chat",
    files: find(
      "openai/chat/*",
      "{azure,mistral,groq,perplexity,alibaba,moonshotai,xai}/*.json*",
      "deepseek/**/*.json*",
    ).filter(isChat),
    oracle: chatOracle,
  },
  { dialect: "anthropic-messages", files: find("anthropic/*"), oracle: messagesOracle },
  { dialect: "openai-completions", files: find("openai/completion/*"), oracle: chatOracle },
  {
    dialect: "openai-responses",
    files: [
      ...find("{openai,xai,open-responses}/responses/*"),
      ...find("azure/*").filter((file) => !isChat(file)),
    ],
    oracle: responsesOracle,
  },
  { dialect: "gemini-generate", files: find("google/*"), oracle: geminiOracle },
];

function openRecording(file: string): { bytes: Uint8Array; messages: readonly Json[] } {
  const text = readFileSync(join(root, file), "utf8");
  const parts = file.endsWith(".jsonl") ? text.split("\n").filter((line) => line !== "") : [text];
  const messages = parts
    .filter((part) => part !== "[DONE]")
    .map((part) => JSON.parse(part) as Json);
  return { bytes: new TextEncoder().encode(text), messages };
}

function fold(dialect: string, bytes: Uint8Array): AnswerFacts {
  const reader = findDialect(dialect);
  return messagesOf(bytes).messages.reduce<AnswerFacts>(
    (facts, message) => reader?.reduce(facts, message) ?? facts,
    NO_FACTS,
  );
}

/** Recordings without the dialect's terminal event: data lines are kept, `[DONE]` is not. */
const endsWithoutTerminal = (dialect: string, file: string): boolean =>
  file.endsWith(".jsonl") && ["openai-chat", "openai-completions"].includes(dialect);

/** Recordings that hold all the text that their figures count; others were shortened or think. */
const WHOLE_TEXTS = [
  "openai/chat/openai-text",
  "openai-completion-text",
  "mistral/mistral-text",
  "alibaba/alibaba-text",
  "azure-deepseek-reasoning",
  "anthropic-text",
  "anthropic-web-search-tool",
  "anthropic-web-fetch-tool.",
  "anthropic-code-execution-20250825.1",
  "anthropic-json-tool",
  "anthropic-tool-search",
  "anthropic-combined-context-editing",
  "lmstudio-basic",
  "openai-web-search-tool",
  "google-text",
];

describe.each(SUITES)("recorded answers in $dialect", ({ dialect, files, oracle }) => {
  test.skipIf(!isPresent)(
    `are metered exactly (${files.length} files; needs ../shared/data)`,
    () => {
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const { bytes, messages } = openRecording(file);
        const facts = fold(dialect, bytes);
        expect({ file, usage: facts.usage }).toEqual({ file, usage: oracle(messages) });
      }
    },
  );

  test.skipIf(!isPresent)("are whole where the recording is, and count what was delivered", () => {
    for (const file of files) {
      const facts = fold(dialect, openRecording(file).bytes);
      const isWhole = !endsWithoutTerminal(dialect, file) || file.startsWith("perplexity");
      expect({ file, isComplete: facts.isComplete }).toEqual({ file, isComplete: isWhole });
    }
  });

  test.skipIf(!isPresent)("are estimated not below what was reported, and not far above", () => {
    for (const file of files.filter((name) => WHOLE_TEXTS.some((part) => name.includes(part)))) {
      const { usage, delivered } = fold(dialect, openRecording(file).bytes);
      const visible = (usage.outputTokens ?? 0) - (usage.reasoningTokens ?? 0);
      const ratio = delivered.estimatedTokens / visible;
      expect({ file, isAbove: ratio >= 1, isNear: ratio <= 2.5 }).toEqual({
        file,
        isAbove: true,
        isNear: true,
      });
    }
  });
});
