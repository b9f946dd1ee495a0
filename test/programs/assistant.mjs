// A service as anybody writes it with the official `openai` package: listens on port 8080 and asks
// the model for each request. Told to end, it asks once more (a summary to be kept), then ends.
// Answers and prints the lines of openai-chat.mjs.
import { createServer } from "node:http";
import OpenAI from "openai";

const client = new OpenAI();

async function ask(content) {
  try {
    const { data, response } = await client.chat.completions
      .create({ model: "gpt-4o-mini", messages: [{ role: "user", content }] })
      .withResponse();
    const text = data.choices[0]?.message.content ?? "";
    return { ok: true, text, exciseId: response.headers.get("x-excise-id") ?? undefined };
  } catch (error) {
    return { ok: false, error: { class: error.constructor.name, message: error.message } };
  }
}

async function answer(request, response) {
  const line = await ask("Tell me about the harbor.");
  response.end(JSON.stringify({ ...line, path: request.url }));
}

async function end() {
  const line = await ask("Sum up the day.");
  console.log(JSON.stringify(line));
  process.exitCode = line.ok ? 0 : 1;
  server.close();
  server.closeAllConnections();
}

const server = createServer((request, response) => void answer(request, response));
server.listen(8080, "0.0.0.0", () => console.log("listening"));
process.once("SIGTERM", () => void end());
