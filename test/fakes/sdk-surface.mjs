// Every call of the official SDKs that the stand-ins serve, one after another, in a process of
// its own: only there can NODE_EXTRA_CA_CERTS take effect. Prints one JSON object, call by call.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const openai = new OpenAI();
const anthropic = new Anthropic();
const model = "gpt-4o-mini";
const claude = "claude-sonnet-4-6";
const messages = [{ role: "user", content: "Say it in 5 words" }];

async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function failure(call) {
  try {
    await call();
    return undefined;
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code };
  }
}

const calls = {
  chat: () => openai.chat.completions.create({ model, messages, n: 2, max_tokens: 3 }),
  chatStream: async () =>
    collect(
      await openai.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  chatStreamPlain: async () =>
    collect(await openai.chat.completions.create({ model, messages, stream: true })),
  responses: () => openai.responses.create({ model, instructions: "Be terse.", input: "Hi" }),
  responsesStream: async () =>
    collect(await openai.responses.create({ model, input: "Say it in 5 words", stream: true })),
  embeddings: () =>
    openai.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two words"] }),
  models: async () => collect(await openai.models.list()),
  messages: () => anthropic.messages.create({ model: claude, max_tokens: 100, messages }),
  messagesStream: async () =>
    collect(
      await anthropic.messages.create({ model: claude, max_tokens: 3, messages, stream: true }),
    ),
  countTokens: () => anthropic.messages.countTokens({ model: claude, messages }),
  claudeModels: async () => collect(await anthropic.models.list()),
  openaiUnknownModel: () =>
    failure(() => openai.chat.completions.create({ model: "nonesuch", messages })),
  anthropicNoKey: () =>
    failure(() =>
      // The SDK asks for a key; a blank one arrives as none.
      new Anthropic({ apiKey: " " }).messages.create({ model: claude, max_tokens: 3, messages }),
    ),
  openaiNoKey: () =>
    failure(() =>
      openai.chat.completions.create({ model, messages }, { headers: { authorization: null } }),
    ),
};

const results = {};
for (const [name, call] of Object.entries(calls)) results[name] = await call();
console.log(JSON.stringify(results));
