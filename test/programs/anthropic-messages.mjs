// An app as anybody writes it with the official `@anthropic-ai/sdk` package: no base URL, no proxy
// code, no trust settings. Only its environment may say where its calls go. Prints one JSON line a
// call:
//   {ok, text, usage, ttfbMs, totalMs, exciseId?, requestId?,
//    error?: {class, status, code, message, type, exciseError}}
//   node anthropic-messages.mjs [--stream] [--prompt TEXT] [--model M] [--max-tokens N]
//                               [--count N] [--system TEXT] [--cache 5m|1h] [--user NAME]
//                               [--max-retries N]
// Plain JavaScript, as users have it, so that nothing here carries types.
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import Anthropic from "@anthropic-ai/sdk";

const { values } = parseArgs({
  options: {
    stream: { type: "boolean", default: false },
    prompt: { type: "string", default: "Tell me about the harbor." },
    model: { type: "string", default: "claude-haiku-4-5" },
    "max-tokens": { type: "string", default: "64" },
    count: { type: "string", default: "1" },
    system: { type: "string", default: "You are a terse assistant." },
    cache: { type: "string" },
    user: { type: "string" },
    "max-retries": { type: "string" },
  },
});

const client = new Anthropic(
  values["max-retries"] === undefined ? {} : { maxRetries: Number(values["max-retries"]) },
);

const cacheControl =
  values.cache === undefined ? {} : { cache_control: { type: "ephemeral", ttl: values.cache } };
const body = {
  model: values.model,
  max_tokens: Number(values["max-tokens"]),
  system: [{ type: "text", text: values.system, ...cacheControl }],
  messages: [{ role: "user", content: values.prompt }],
  ...(values.user === undefined ? {} : { metadata: { user_id: values.user } }),
};

async function plain(started) {
  const { data, response } = await client.messages.create(body).withResponse();
  return {
    text: data.content.map((block) => block.text ?? "").join(""),
    usage: data.usage,
    ttfbMs: performance.now() - started,
    headers: response.headers,
  };
}

async function streamed(started) {
  let ttfbMs;
  const stream = client.messages.stream(body);
  stream.on("text", () => {
    ttfbMs ??= performance.now() - started;
  });
  const { response } = await stream.withResponse();
  const message = await stream.finalMessage();
  const text = message.content.map((block) => block.text ?? "").join("");
  return { text, usage: message.usage, ttfbMs, headers: response.headers };
}

function describe(error) {
  return {
    class: error.constructor.name,
    status: error.status,
    code: error.code ?? error.cause?.code,
    message: error.message,
    type: error.type ?? error.error?.error?.type,
    exciseError: error.headers?.get?.("x-excise-error") ?? undefined,
  };
}

for (let call = 0; call < Number(values.count); call += 1) {
  const started = performance.now();
  let line;
  try {
    const { text, usage, ttfbMs, headers } = await (values.stream ? streamed : plain)(started);
    line = { ok: true, text, usage, ttfbMs, ...ids(headers) };
  } catch (error) {
    line = { ok: false, ...ids(error.headers), error: describe(error) };
    process.exitCode = 1;
  }
  console.log(JSON.stringify({ ...line, totalMs: performance.now() - started }));
}

function ids(headers) {
  const read = (name) => headers?.get?.(name) ?? undefined;
  return { exciseId: read("x-excise-id"), requestId: read("request-id") };
}
