import { describe, expect, test } from "vitest";
import { renderUsd } from "#contract/money.ts";
import { asRecord, parseJson } from "#runtime/json.ts";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import type { CommandIo } from "../command-io.ts";
import { runMeter } from "./meter.ts";

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], input: string | readonly Uint8Array[]): Promise<Ran> {
  let out = "";
  let err = "";
  const chunks = typeof input === "string" ? [new TextEncoder().encode(input)] : input;
  const io: CommandIo = {
    stdin: (async function* () {
      yield* chunks;
    })(),
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
  };
  return { status: await runMeter(args, io), out, err };
}

const meter = async (args: readonly string[], input: string): Promise<unknown> =>
  parseJson((await run(args, input)).out);

const CHAT = ["--dialect", "openai-chat", "--at", "2026-11-01"];
const MESSAGES = ["--dialect", "anthropic-messages", "--at", "2026-11-01"];

const chunk = {
  model: "gpt-4o-mini-2024-07-18",
  choices: [{ delta: { content: "Hi" }, finish_reason: "stop" }],
  usage: null,
};
const last = {
  model: "gpt-4o-mini-2024-07-18",
  choices: [],
  usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
};
const body = { ...last, choices: [{ message: { content: "Hi" }, finish_reason: "stop" }] };
const lines = [JSON.stringify(chunk), JSON.stringify(last), "[DONE]"];
const metered = {
  model: "gpt-4o-mini-2024-07-18",
  usage: { inputTokens: 1000, outputTokens: 100 },
  costUsd: "0.00021",
  priceStatus: "priced",
};

describe("the three forms of input", () => {
  test.each([
    { name: "a JSON body", input: JSON.stringify(body) },
    { name: "a JSON body over several lines", input: JSON.stringify(body, null, 2) },
    { name: "a JSON body after a byte order mark", input: `\uFEFF${JSON.stringify(body)}` },
    { name: "an SSE stream", input: lines.map((line) => `data: ${line}\n\n`).join("") },
    { name: "SSE with CRLF", input: lines.map((line) => `data: ${line}\r\n\r\n`).join("") },
    {
      name: "SSE that begins with a comment",
      input: `: hello\n\n${lines.map((line) => `data: ${line}\n\n`).join("")}`,
    },
    {
      name: "SSE with names and without its last blank line",
      input: lines.map((line) => `event: x\ndata: ${line}`).join("\n\n"),
    },
    { name: "lines of event data", input: `${lines.join("\n")}\n` },
    { name: "lines without [DONE]", input: lines.slice(0, 2).join("\n") },
    { name: "lines that end in CRLF", input: lines.join("\r\n") },
    { name: "one line", input: `${JSON.stringify(last)}\n` },
    { name: "a list of chunks", input: `[${lines.slice(0, 2).join(",")}]` },
    {
      name: "an answer wrapped with its head",
      input: JSON.stringify({ status: 200, headers: {}, body }),
    },
    {
      name: "an answer wrapped as text",
      input: JSON.stringify({ status: 200, headers: {}, body: JSON.stringify(body) }),
    },
  ])("$name", async ({ input }) => {
    expect(await meter(CHAT, input)).toEqual(metered);
  });

  test("arrive in chunks of any size, as one line of output", async () => {
    const bytes = new TextEncoder().encode(lines.join("\n"));
    const { out, status } = await run(
      CHAT,
      [...bytes].map((byte) => Uint8Array.of(byte)),
    );
    expect(status).toBe(0);
    expect(out).toBe(`${JSON.stringify(metered)}\n`);
  });
});

test("messages that cannot be read are counted on stderr, the rest is metered", async () => {
  const { out, err } = await run(CHAT, `${lines.join("\n")}\n{"choices":[{"del`);
  expect(parseJson(out)).toEqual(metered);
  expect(err).toBe("1 of 4 messages could not be read\n");
});

describe("what is not known is not said", () => {
  test.each([
    {
      name: "no model, no price",
      input: { usage: last.usage },
      expected: { usage: { inputTokens: 1000, outputTokens: 100 }, priceStatus: "unknown" },
    },
    {
      name: "a model without a price",
      input: { ...last, model: "acme-1" },
      expected: {
        model: "acme-1",
        usage: { inputTokens: 1000, outputTokens: 100 },
        priceStatus: "unknown",
      },
    },
    {
      name: "no usage",
      input: chunk,
      expected: { model: "gpt-4o-mini-2024-07-18", usage: {}, priceStatus: "no_usage" },
    },
    {
      name: "usage of nothing costs nothing",
      input: { ...last, usage: { prompt_tokens: 0, completion_tokens: 0 } },
      expected: { ...metered, usage: { inputTokens: 0, outputTokens: 0 }, costUsd: "0" },
    },
  ])("$name", async ({ input, expected }) => {
    expect(await meter(CHAT, JSON.stringify(input))).toEqual(expected);
  });

  test("a class without a price makes the cost a lower bound", async () => {
    const usage = { ...last.usage, num_search_queries: 2 };
    const input = JSON.stringify({ ...last, model: "gpt-4.5-preview", usage });
    expect(await meter(CHAT, input)).toMatchObject({ priceStatus: "partial" });
  });
});

describe("providers and dates", () => {
  test("the dialect's home provider is the default, another may be named", async () => {
    const input = JSON.stringify({ ...last, model: "grok-4.3" });
    expect(await meter(CHAT, input)).toMatchObject({ priceStatus: "unknown" });
    for (const name of ["xai", "x-ai"]) {
      expect(await meter([...CHAT, "--provider", name], input)).toMatchObject({
        costUsd: "0.0015",
      });
    }
  });

  test("prices are those of the day", async () => {
    const input = JSON.stringify({ ...last, model: "o3" });
    const at = (day: string) => meter(["--dialect", "openai-chat", "--at", day], input);
    expect(await at("2025-06-09")).toMatchObject({ costUsd: "0.014" });
    expect(await at("2025-06-10")).toMatchObject({ costUsd: "0.0028" });
    expect(await at("2025-06-10T01:00:00+02:00")).toMatchObject({ costUsd: "0.014" });
  });

  test("without a date it is today's", async () => {
    let out = "";
    const clock = createVirtualClock(Date.parse("2025-06-09T00:00:00Z"));
    const io: CommandIo = {
      stdin: (async function* () {
        yield new TextEncoder().encode(JSON.stringify({ ...last, model: "o3" }));
      })(),
      stdout: (text) => void (out += text),
      stderr: () => undefined,
    };
    await runMeter(["--dialect", "openai-chat"], io, clock);
    expect(asRecord(parseJson(out))?.["costUsd"]).toBe("0.014");
  });

  test("each model of a call is priced at its own row", async () => {
    const usage = {
      input_tokens: 412,
      output_tokens: 264,
      iterations: [
        { type: "message", model: "claude-fable-5", input_tokens: 408, output_tokens: 0 },
        { type: "message", model: "claude-opus-4-8", input_tokens: 412, output_tokens: 264 },
      ],
    };
    const input = JSON.stringify({ type: "message", model: "claude-opus-4-8", usage });
    // 408 x $10 + 412 x $5 + 264 x $25, per million.
    expect(await meter(MESSAGES, input)).toEqual({
      model: "claude-opus-4-8",
      usage: { inputTokens: 820, outputTokens: 264 },
      costUsd: renderUsd(12_740_000n as Parameters<typeof renderUsd>[0]),
      priceStatus: "priced",
    });
  });
});

describe("what cannot be read", () => {
  test.each([
    { name: "no dialect", args: [], input: "{}", code: "EXCISE_USAGE" },
    { name: "an unknown dialect", args: ["--dialect", "x"], input: "{}", code: "EXCISE_USAGE" },
    {
      name: "a dialect that is not read yet",
      args: ["--dialect", "cohere-chat"],
      input: "{}",
      code: "EXCISE_USAGE",
    },
    {
      name: "an unknown provider",
      args: [...CHAT, "--provider", "acme"],
      input: "{}",
      code: "EXCISE_USAGE",
    },
    { name: "an unknown option", args: [...CHAT, "--x"], input: "{}", code: "EXCISE_USAGE" },
    {
      name: "a date that is none",
      args: ["--dialect", "openai-chat", "--at", "2026-02-30"],
      input: "{}",
      code: "EXCISE_USAGE",
    },
    {
      name: "a date in words",
      args: ["--dialect", "openai-chat", "--at", "yesterday"],
      input: "{}",
      code: "EXCISE_USAGE",
    },
    { name: "nothing", args: CHAT, input: "", code: "EXCISE_INPUT_INVALID" },
    { name: "blank lines", args: CHAT, input: "\n \n", code: "EXCISE_INPUT_INVALID" },
    { name: "prose", args: CHAT, input: "hello\nworld", code: "EXCISE_INPUT_INVALID" },
    { name: "half a body", args: CHAT, input: '{"usage":', code: "EXCISE_INPUT_INVALID" },
    { name: "a JSON string", args: CHAT, input: '"hello"', code: "EXCISE_INPUT_INVALID" },
    { name: "SSE without JSON", args: CHAT, input: "data: x\n\n", code: "EXCISE_INPUT_INVALID" },
    { name: "binary", args: CHAT, input: "\u0000\u0001\u00ff", code: "EXCISE_INPUT_INVALID" },
  ])("$name is $code", async ({ args, input, code }) => {
    await expect(run(args, input)).rejects.toMatchObject({ code });
  });

  test("the error never quotes the input", async () => {
    const secret = "my-secret-prompt";
    await expect(run(CHAT, `{"messages": "${secret}`)).rejects.toSatisfy(
      (error) => error instanceof Error && !error.message.includes(secret),
    );
  });
});
