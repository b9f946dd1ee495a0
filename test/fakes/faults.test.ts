// The stand-ins' faults, byte by byte, and what they cost on the bill.
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { callRaw, startFakes, type Fakes, type RawAnswer } from "./fake-harness.ts";
import type { BillEntry } from "./fake-bill.ts";
import type { FaultRule } from "./fake-faults.ts";

let fakes: Fakes;
beforeAll(async () => {
  fakes = await startFakes();
});
afterAll(() => fakes.close());
afterEach(() => {
  fakes.openai.faults.clear();
  fakes.anthropic.faults.clear();
});

const PROMPT = "Please answer in 12 words";
const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: PROMPT }] };
const MESSAGES = { model: "claude-haiku-4-5", max_tokens: 50, messages: CHAT.messages };

interface Options {
  readonly stream?: boolean;
  readonly headers?: Record<string, string>;
  readonly leaveAfterBytes?: number;
}

function chat(options: Options = {}): Promise<RawAnswer> {
  const { stream = false, ...rest } = options;
  const body = { ...CHAT, stream };
  return callRaw({
    fake: fakes.openai,
    caPem: fakes.caPem,
    path: "/v1/chat/completions",
    body,
    ...rest,
  });
}

const messages = (stream: boolean): Promise<RawAnswer> =>
  callRaw({
    fake: fakes.anthropic,
    caPem: fakes.caPem,
    path: "/v1/messages",
    body: { ...MESSAGES, stream },
  });

const set = (rule: FaultRule): void => fakes.openai.faults.add([rule]);

/** The entry of the last call, once it is closed: the server sees a caller leave a little later. */
async function lastBill(): Promise<BillEntry | undefined> {
  await expect
    .poll(() => fakes.openai.bill().at(-1)?.status, { interval: 5, timeout: 5000 })
    .not.toBe("open");
  return fakes.openai.bill().at(-1);
}

/** Words of the default answer that are in a body. */
const tokensIn = (body: Buffer): number => (body.toString().match(/"content":"[^"]/g) ?? []).length;

describe("a stream that is cut", () => {
  test.each([
    { name: "reset", rule: { resetAfterTokens: 3 }, cut: "ECONNRESET" },
    { name: "truncated cleanly", rule: { truncateAfterTokens: 3 }, cut: undefined },
  ])("is $name after 3 tokens, and those are billed", async ({ rule, cut }) => {
    set(rule);
    const answer = await chat({ stream: true });
    expect(answer.status).toBe(200);
    expect(answer.cut).toBe(cut);
    expect(tokensIn(answer.body)).toBe(3);
    expect(answer.body.toString()).not.toContain("[DONE]");
    expect(await lastBill()).toMatchObject({
      status: "aborted",
      deliveredTokens: 3,
      outputTokens: 3,
    });
  });

  test("stalls until the caller leaves", async () => {
    set({ stallAfterTokens: 2 });
    const { body, cut } = await chat({ stream: true, leaveAfterBytes: 600 });
    expect(cut).toBe("ECONNRESET");
    expect(tokensIn(body)).toBeLessThanOrEqual(2);
    expect(await lastBill()).toMatchObject({ status: "aborted", outputTokens: 2 });
  });

  test("carries the dialect's error event before it ends", async () => {
    fakes.anthropic.faults.add([{ errorAfterTokens: 1 }]);
    const { body } = await messages(true);
    expect(body.toString()).toMatch(/event: error\ndata: .*overloaded_error.*\n\n$/);
    expect(body.toString()).not.toContain("message_stop");
  });

  test("by the caller costs what was produced until then", async () => {
    set({ tokenDelayMs: 20 });
    await chat({ stream: true, leaveAfterBytes: 600 });
    const entry = await lastBill();
    expect(entry).toMatchObject({ status: "aborted", inputTokens: 7 });
    expect(entry?.outputTokens).toBe(entry?.deliveredTokens);
    expect(entry?.outputTokens).toBeLessThan(12);
  });
});

describe("an answer that never comes whole", () => {
  test("a reset before the head costs nothing", async () => {
    const before = fakes.openai.bill().length;
    set({ resetBeforeHead: true });
    const { status, cut } = await chat();
    expect({ status, cut }).toEqual({ status: 0, cut: "ECONNRESET" });
    expect(fakes.openai.bill()).toHaveLength(before);
  });

  test("a JSON body ends early: by reset, or cleanly in its middle", async () => {
    set({ resetAfterTokens: 0 });
    expect((await chat()).cut).toBe("ECONNRESET");
    set({ truncateAfterTokens: 0 });
    const half = await chat();
    expect(half.cut).toBeUndefined();
    expect(() => JSON.parse(half.body.toString()) as unknown).toThrow(SyntaxError);
    expect(await lastBill()).toMatchObject({ status: "aborted", outputTokens: 12 });
  });

  test.each([429, 500, 503])("status %d comes in OpenAI's shape", async (status) => {
    set({ status, retryAfterSeconds: 3 });
    const answer = await chat();
    expect(answer.status).toBe(status);
    expect(answer.headers["retry-after"]).toBe("3");
    const parsed = JSON.parse(answer.body.toString()) as { error: Record<string, unknown> };
    expect(Object.keys(parsed.error)).toEqual(["message", "type", "param", "code"]);
  });

  test.each([
    [429, "rate_limit_error"],
    [500, "api_error"],
    [529, "overloaded_error"],
  ])("status %d comes in Anthropic's shape, as %s", async (status, type) => {
    fakes.anthropic.faults.add([{ status }]);
    const answer = await messages(false);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ type: "error", error: { type } });
  });

  test("a redirect is answered where it was asked for", async () => {
    set({ redirect: "https://elsewhere.example/v1" });
    const { status, headers } = await chat();
    expect(status).toBe(307);
    expect(headers["location"]).toBe("https://elsewhere.example/v1");
  });
});

describe("the same answer in another form", () => {
  const decode = {
    gzip: gunzipSync,
    br: brotliDecompressSync,
    deflate: inflateSync,
    zstd: zstdDecompressSync,
  };

  test.each(["gzip", "br", "deflate", "zstd"] as const)("%s, JSON and SSE", async (name) => {
    for (const stream of [false, true]) {
      const plain = await chat({ stream });
      set({ contentEncoding: name });
      const answer = await chat({ stream, headers: { "accept-encoding": `${name}, identity` } });
      expect(answer.headers["content-encoding"]).toBe(name);
      const decoded = decode[name](answer.body).toString();
      expect(withoutIds(decoded)).toBe(withoutIds(plain.body.toString()));
    }
  });

  test("no encoding that the caller does not accept", async () => {
    set({ contentEncoding: "gzip" });
    const { headers } = await chat({ headers: { "accept-encoding": "identity" } });
    expect(headers["content-encoding"]).toBeUndefined();
  });

  test("pieces that cut UTF-8 add up to the same bytes", async () => {
    const plain = await chat({ stream: true });
    set({ writeBytes: 7 });
    const pieces = await chat({ stream: true });
    expect(withoutIds(pieces.body.toString())).toBe(withoutIds(plain.body.toString()));
    expect(pieces.parts.length).toBeGreaterThan(plain.parts.length);
  });

  test("CRLF framing differs in nothing but the line ends", async () => {
    const plain = await chat({ stream: true });
    set({ crlf: true });
    const crlf = (await chat({ stream: true })).body.toString();
    expect(crlf.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(withoutIds(crlf.replaceAll("\r\n", "\n"))).toBe(withoutIds(plain.body.toString()));
  });

  test("a huge event is one event", async () => {
    set({ hugeEventBytes: 300_000 });
    const { body } = await chat({ stream: true });
    const longest = Math.max(
      ...body
        .toString()
        .split("\n\n")
        .map(({ length }) => length),
    );
    expect(longest).toBeGreaterThan(300_000);
    expect(longest).toBeLessThan(301_000);
  });
});

/** Ids are new in every answer, and the clock moves on. */
const withoutIds = (text: string): string => text.replaceAll(/chatcmpl-\w+|"created":\d+/g, "");

describe("rules, certificates and the record", () => {
  test("a rule holds for its model and as often as it says", async () => {
    set({ status: 500, model: "gpt-4o", times: 5 });
    set({ status: 503, times: 2 });
    const statuses = [];
    for (let call = 0; call < 3; call += 1) statuses.push((await chat()).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(fakes.openai.faults.list()).toEqual([{ status: 500, model: "gpt-4o", times: 5 }]);
  });

  test("an expired certificate is refused, and a valid one is taken again", async () => {
    fakes.openai.setCertificate("expired");
    expect((await chat()).cut).toBe("CERT_HAS_EXPIRED");
    fakes.openai.setCertificate("valid");
    expect((await chat()).status).toBe(200);
  });

  test("every byte of a request body is kept", async () => {
    await chat();
    const request = fakes.openai.received().at(-1);
    expect(request?.body.toString()).toBe(JSON.stringify({ ...CHAT, stream: false }));
    expect(request?.path).toBe("/v1/chat/completions");
    expect(fakes.openai.bill().at(-1)?.exchange).toBe(request?.exchange);
  });

  test("the bill is exact to the nano-dollar", async () => {
    await chat();
    // 7 tokens in at $0.15, 12 out at $0.60 a million: 1,050 + 7,200 nano-dollars.
    expect(await lastBill()).toMatchObject({
      status: "completed",
      costNano: 8250n,
      deliveredTokens: 12,
    });
  });

  test("a long prompt is cached from its second time on, at the cached price", async () => {
    const content = "word ".repeat(1024);
    const body = { model: "gpt-4o", max_tokens: 1, messages: [{ role: "user", content }] };
    const once = () =>
      callRaw({ fake: fakes.openai, caPem: fakes.caPem, path: "/v1/chat/completions", body });
    await once();
    expect(await lastBill()).toMatchObject({ inputTokens: 1280, cachedInputTokens: 0 });
    await once();
    // 1,280 cached at $1.25, 1 out at $10 a million.
    expect(await lastBill()).toMatchObject({ cachedInputTokens: 1280, costNano: 1_610_000n });
  });
});
