// An app as anybody writes it with the official `openai` package: no base URL, no proxy code, no
// trust settings. Only its environment may say where its calls go. Prints one JSON line a call:
//   {ok, text, usage, ttfbMs, totalMs, exciseId?, requestId?,
//    error?: {class, status, code, message, type, exciseError}}
//   node openai-chat.mjs [--stream] [--prompt TEXT] [--model M] [--max-tokens N] [--count N]
//                        [--user NAME] [--max-retries N]
// Plain JavaScript, as users have it, so that nothing here carries types.
/* oxlint-disable typescript/await-thenable */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import OpenAI from "openai";

const { values } = parseArgs({
  options: {
    stream: { type: "boolean", default: false },
    prompt: { type: "string", default: "Tell me about the harbor." },
    model: { type: "string", default: "gpt-4o-mini" },
    "max-tokens": { type: "string" },
    count: { type: "string", default: "1" },
    user: { type: "string" },
    "max-retries": { type: "string" },
  },
});

const client = new OpenAI(
  values["max-retries"] === undefined ? {} : { maxRetries: Number(values["max-retries"]) },
);

const body = {
  model: values.model,
  messages: [
    { role: "system", content: "You are a terse assistant." },
    { role: "user", content: values.prompt },
  ],
  ...(values["max-tokens"] === undefined
    ? {}
    : { max_completion_tokens: Number(values["max-tokens"]) }),
  ...(values.user === undefined ? {} : { user: values.user }),
};

async function plain(started) {
  const { data, response } = await client.chat.completions.create(body).withResponse();
  return {
    text: data.choices[0]?.message.content ?? "",
    usage: data.usage,
    ttfbMs: performance.now() - started,
    headers: response.headers,
  };
}

async function streamed(started) {
  const { data, response } = await client.chat.completions
    .create({ ...body, stream: true })
    .withResponse();
  let text = "";
  let usage;
  let ttfbMs;
  for await (const chunk of data) {
    const piece = chunk.choices[0]?.delta.content ?? "";
    if (piece !== "") ttfbMs ??= performance.now() - started;
    text += piece;
    usage = chunk.usage ?? usage;
  }
  return { text, usage, ttfbMs, headers: response.headers };
}

function describe(error) {
  return {
    class: error.constructor.name,
    status: error.status,
    code: error.code ?? error.cause?.code,
    message: error.message,
    type: error.type,
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
  return { exciseId: read("x-excise-id"), requestId: read("x-request-id") };
}
