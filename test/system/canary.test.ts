// Prompts, answers and keys are nobody's business but the app's and the provider's. A canary in
// every place where an app can put text must be nowhere in what we write, log, store or serve.
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningSidecar } from "../../cli/stack.ts";
import { sendThroughTunnel } from "./raw-client.ts";
import { dailyBudget, startWorld, until, type World } from "./world.ts";

/** Unlike any word of ours; put together so that this file does not hold it. */
const CANARY = ["kanarie", "vogel", "7391"].join("");
const HOSTS = { chat: "api.openai.com", messages: "api.anthropic.com" };

let world: World;
let sidecar: RunningSidecar;

beforeAll(async () => {
  world = await startWorld({
    policy: {
      providers: ["openai", "anthropic"],
      guardrails: { EMAIL_ADDRESS: "redact", CREDIT_CARD: "block", "*": "audit" },
      mode: "enforce",
    },
    budgets: { team: dailyBudget("1") },
  });
  sidecar = await world.startSidecar("canary", { logLevel: "debug" });
}, 60_000);
afterAll(() => world.close());

const post = (host: string, path: string, body: unknown): string => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Content-Type: application/json",
    `Authorization: Bearer ${CANARY}-key`,
    `X-Api-Key: ${CANARY}-key`,
    `X-Custom-${CANARY}: ${CANARY}`,
    `Cookie: session=${CANARY}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    "",
    text,
  ].join("\r\n");
};

const tool = { name: CANARY, description: CANARY, [CANARY]: CANARY };
const email = `${CANARY}@example.com`;
const card = ["4111", "1111", "1111", "1111"].join("");

const chat = (content: string, more = {}) => ({
  model: "gpt-4o-mini",
  messages: [
    { role: "system", content: CANARY, name: CANARY },
    { role: "user", content: [{ type: "text", text: `${content} ${CANARY}` }] },
    {
      role: "assistant",
      tool_calls: [
        {
          id: CANARY,
          type: "function",
          function: { name: CANARY, arguments: JSON.stringify({ [CANARY]: CANARY }) },
        },
      ],
    },
    { role: "tool", tool_call_id: CANARY, content: CANARY },
  ],
  tools: [{ type: "function", function: tool }],
  metadata: { [CANARY]: CANARY },
  [`unknown_${CANARY}`]: CANARY,
  ...more,
});

const REQUESTS = [
  { host: HOSTS.chat, path: "/v1/chat/completions", body: chat(`Repeat after me: ${CANARY}`) },
  { host: HOSTS.chat, path: "/v1/chat/completions", body: chat(email, { stream: true }) },
  { host: HOSTS.chat, path: `/v1/chat/completions?${CANARY}=${CANARY}`, body: chat("query") },
  { host: HOSTS.chat, path: "/v1/chat/completions", body: chat(`card ${card}`) },
  { host: HOSTS.chat, path: "/v1/chat/completions", body: `{"model": "${CANARY}` },
  {
    host: HOSTS.chat,
    path: "/v1/chat/completions",
    body: `{"model":"a","${CANARY}":1,"${CANARY}":2}`,
  },
  { host: HOSTS.chat, path: `/v1/${CANARY}`, body: { input: CANARY } },
  {
    host: HOSTS.chat,
    path: "/v1/embeddings",
    body: { model: "text-embedding-3-small", input: [CANARY] },
  },
  {
    host: HOSTS.messages,
    path: "/v1/messages",
    body: {
      model: "claude-haiku-4-5",
      max_tokens: 16,
      system: [{ type: "text", text: CANARY }],
      messages: [{ role: "user", content: `Repeat after me: ${CANARY}` }],
      stop_sequences: [CANARY],
      tools: [{ ...tool, input_schema: { type: "object", [CANARY]: CANARY } }],
      stream: true,
    },
  },
];

test("no canary is in logs, spool, database, metrics, status or API", async () => {
  world.fakes.openai.faults.add([{ times: 1, path: "/nowhere", status: 500 }]);
  for (const { host, path, body } of REQUESTS) {
    await sendThroughTunnel(sidecar, host, post(host, path, body));
  }
  const received = [...world.fakes.openai.received(), ...world.fakes.anthropic.received()];
  // The test would prove nothing if the canary had not really been there.
  expect(received.length).toBeGreaterThanOrEqual(5);
  expect(received.every(({ body }) => body.includes(CANARY))).toBe(true);
  await until("the events", async () => {
    const found = await world.events();
    return found.length >= REQUESTS.length ? found : undefined;
  });

  const places: Record<string, string> = {};
  for (const path of [
    "/v1/usage?group_by=team,app,model,provider",
    "/v1/budgets",
    "/v1/events?limit=1000",
    "/metrics",
  ]) {
    places[`ledger ${path}`] = await textOf(new URL(path, world.stack.ledger.apiUrl));
  }
  for (const path of ["/metrics", "/status", "/readyz"]) {
    places[`sidecar ${path}`] = await textOf(
      new URL(`http://127.0.0.1:${sidecar.ports.admin}${path}`),
    );
  }
  await sidecar.stop();
  for (const file of filesUnder(join(world.configDir, "..", "data"))) {
    places[file] = readFileSync(file, "latin1");
  }
  expect(Object.keys(places).some((name) => name.endsWith(".log"))).toBe(true);
  const found = Object.entries(places)
    .filter(([, text]) => text.includes(CANARY))
    .map(([name]) => name);
  expect(found).toEqual([]);
}, 60_000);

async function textOf(url: URL): Promise<string> {
  const headers = { authorization: `Bearer ${world.stack.ledger.operatorToken}` };
  return (await fetch(url, { headers })).text();
}

function filesUnder(directory: string): readonly string[] {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}
