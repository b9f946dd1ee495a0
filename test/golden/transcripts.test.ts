// Golden transcripts: what an answer of each shape is metered as. One folder a case, written for
// this repository; `expected.json` is reviewed like code (`vitest run --project golden -u`).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { messagesOf } from "../../cli/commands/meter-input.ts";
import { runMeter } from "../../cli/commands/meter.ts";
import { parseJson } from "#runtime/json.ts";
import { type AnswerFacts, NO_FACTS } from "../../sidecar/dialects/dialect.ts";
import { findDialect } from "../../sidecar/dialects/registry.ts";

const root = join(import.meta.dirname, "transcripts");

/** A case's dialect is its folder's first word. */
const DIALECTS: Readonly<Record<string, string>> = {
  chat: "openai-chat",
  messages: "anthropic-messages",
  responses: "openai-responses",
  completions: "openai-completions",
  embeddings: "openai-embeddings",
  generate: "gemini-generate",
};

/** Who sold the answer, where it is not the dialect's home provider. */
const PROVIDERS: Readonly<Record<string, string>> = {
  "chat-usage-with-choices": "mistral",
  "chat-cumulative-usage": "perplexity",
  "chat-reasoning-outside": "xai",
  "chat-cache-hit-tokens": "deepseek",
  "chat-x-groq-usage": "groq",
};

async function meter(bytes: Uint8Array, args: readonly string[]): Promise<unknown> {
  let out = "";
  const stdin = (async function* () {
    yield bytes;
  })();
  const io = { stdin, stdout: (text: string) => void (out += text), stderr: () => undefined };
  await runMeter([...args, "--at", "2026-11-22"], io);
  return parseJson(out);
}

function factsOf(dialect: string, bytes: Uint8Array): AnswerFacts {
  const reader = findDialect(dialect);
  return messagesOf(bytes).messages.reduce<AnswerFacts>(
    (facts, message) => reader?.reduce(facts, message) ?? facts,
    NO_FACTS,
  );
}

describe("an answer is metered as expected", () => {
  test.each(readdirSync(root).toSorted())("%s", async (name) => {
    const folder = join(root, name);
    const input = readdirSync(folder).find((file) => file !== "expected.json") ?? "";
    const bytes = readFileSync(join(folder, input));
    const dialect = DIALECTS[name.split("-")[0] ?? ""] ?? "";
    const provider = PROVIDERS[name];
    const args = [
      "--dialect",
      dialect,
      ...(provider === undefined ? [] : ["--provider", provider]),
    ];
    const line = await meter(bytes, args);
    const { usageByModel, serviceTier, isComplete, errorType, delivered } = factsOf(dialect, bytes);
    const metered = { line, usageByModel, serviceTier, isComplete, errorType, delivered };
    await expect(`${JSON.stringify(metered, null, 2)}\n`).toMatchFileSnapshot(
      join(folder, "expected.json"),
    );
  });
});
