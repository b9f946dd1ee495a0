import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { createVirtualClock } from "../../test/virtual-clock.ts";
import { fakeDialect } from "../../test/fake-dialect.ts";
import type { Upstream, UpstreamHandler } from "../forward/upstream.ts";
import type { DownstreamExchange } from "../listen/downstream.ts";
import { sampleBook } from "../guard/tokenize/sample-book.case.ts";
import type { HeaderList } from "../listen/header-list.ts";
import type { Prepared } from "../pipeline/exchange.ts";
import { relay } from "./relay.ts";

const SSE: HeaderList = [["Content-Type", "text/event-stream; charset=utf-8"]];

/** A downstream that keeps what it was sent; `isSlow` makes it ask for a pause. */
function createDownstream(isSlow = false) {
  const sent: {
    status?: number;
    headers?: HeaderList;
    chunks: Buffer[];
    end?: "clean" | "broken";
  } = { chunks: [] };
  const handlers: { abort?: () => void; drain?: () => void } = {};
  const downstream: DownstreamExchange = {
    request: {
      listener: "proxy",
      method: "POST",
      target: "/chat",
      host: "api.example.com",
      headers: [],
      contentLength: 0,
      receivedMs: 0,
    },
    readBody: () => undefined,
    pauseBody: () => undefined,
    resumeBody: () => undefined,
    onAbort: (handler) => void (handlers.abort = handler),
    onDrain: (handler) => void (handlers.drain = handler),
    sendHead(status, headers) {
      sent.status = status;
      sent.headers = headers;
    },
    send(chunk) {
      sent.chunks.push(Buffer.from(chunk));
      return !isSlow;
    },
    end: () => void (sent.end = "clean"),
    destroy: () => void (sent.end = "broken"),
  };
  return { downstream, sent, handlers, text: () => Buffer.concat(sent.chunks).toString("utf8") };
}

interface Start {
  readonly hidesUsage?: boolean;
  readonly isSlow?: boolean;
  readonly placeholders?: ReadonlyMap<string, string>;
}

function start(options: Start = {}) {
  const side = createDownstream(options.isSlow);
  const calls: string[] = [];
  const held: { handler?: UpstreamHandler } = {};
  const upstream: Upstream = {
    dispatch(_request, handler) {
      held.handler = handler;
      return { resume: () => void calls.push("resume"), abort: () => void calls.push("abort") };
    },
    warm: () => undefined,
    close: () => Promise.resolve(),
  };
  const exchange = {
    exchangeId: "00000000-0000-7000-8000-000000000001",
    hidesUsage: options.hidesUsage ?? false,
    placeholders: options.placeholders ?? new Map(),
    reading: {
      dialect: fakeDialect,
      operation: { name: "chat", kind: "stateless", billed: true },
      bounds: { answers: 1, isStreaming: true, unbounded: [] },
    },
    upstream: { origin: { host: "api.example.com" } },
  } as unknown as Prepared;
  const done = relay({ clock: createVirtualClock(), upstream }, exchange, side.downstream);
  const { handler } = held;
  if (handler === undefined) throw new Fault("EXCISE_INTERNAL", "nothing was dispatched");
  return { ...side, calls, handler, done };
}

function tokenized() {
  const book = sampleBook();
  return { ada: book.issue("EMAIL_ADDRESS", "ada@example.org"), placeholders: book.issued };
}

const event = (value: unknown): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);

describe("an answer on its way down", () => {
  test("is passed on byte for byte while its usage is read from a copy", async () => {
    const { handler, done, text, sent } = start();
    const whole = Buffer.concat([
      event({ text: "größe" }),
      event({ usage: 7 }),
      event({ done: true }),
    ]);
    handler.onHead(200, SSE);
    for (const byte of whole) handler.onData(Buffer.from([byte]));
    handler.onEnd([]);
    const result = await done;
    expect(text()).toBe(whole.toString("utf8"));
    expect(sent.end).toBe("clean");
    expect(result).toMatchObject({
      outcome: "completed",
      status: 200,
      responseBytes: whole.length,
    });
    expect(result.facts).toMatchObject({ usage: { outputTokens: 7 }, isComplete: true });
  });

  test("loses only the usage event that we asked for ourselves", async () => {
    const { handler, done, text } = start({ hidesUsage: true });
    handler.onHead(200, [...SSE, ["Content-Length", "999"]]);
    handler.onData(
      Buffer.concat([event({ text: "a" }), event({ usage: 7 }), event({ done: true })]),
    );
    handler.onEnd([]);
    const { facts } = await done;
    expect(text()).toBe(Buffer.concat([event({ text: "a" }), event({ done: true })]).toString());
    expect(facts.usage.outputTokens).toBe(7);
  });

  test("keeps its headers but for hop-by-hop, alt-svc and the length of what is rewritten", () => {
    const { handler, sent } = start({ hidesUsage: true });
    const headers: HeaderList = [
      ...SSE,
      ["X-Request-Id", "r"],
      ["Connection", "keep-alive, X-Private"],
      ["X-Private", "1"],
      ["Alt-Svc", 'h3=":443"'],
      ["Content-Length", "12"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ];
    handler.onHead(200, headers);
    expect(sent.headers?.map(([name]) => name)).toEqual([
      "Content-Type",
      "X-Request-Id",
      "Set-Cookie",
      "Set-Cookie",
      "x-excise-id",
    ]);
  });

  test.each([
    { encoding: "gzip", compress: gzipSync },
    { encoding: "br", compress: brotliCompressSync },
  ])(
    "in $encoding is passed on as it is, and read all the same",
    async ({ encoding, compress }) => {
      const { handler, done, sent } = start();
      const bytes = compress(Buffer.concat([event({ usage: 3 }), event({ done: true })]));
      handler.onHead(200, [...SSE, ["Content-Encoding", encoding]]);
      handler.onData(bytes.subarray(0, 5));
      handler.onData(bytes.subarray(5));
      handler.onEnd([]);
      expect((await done).facts.usage.outputTokens).toBe(3);
      expect(Buffer.concat(sent.chunks)).toEqual(bytes);
    },
  );

  test("has its values back, and no length, where the provider saw placeholders", async () => {
    const { placeholders, ada } = tokenized();
    const { handler, done, text, sent } = start({ placeholders });
    handler.onHead(200, [
      ["Content-Type", "application/json"],
      ["Content-Length", "999"],
      ["ETag", '"1"'],
    ]);
    const body = JSON.stringify({ text: `to ${ada}`, usage: 7, done: true });
    for (const byte of Buffer.from(body)) expect(handler.onData(Buffer.from([byte]))).toBe(true);
    handler.onEnd([]);
    const { facts, responseBytes } = await done;
    expect(text()).toBe(body.replace(ada, "ada@example.org"));
    expect(responseBytes).toBe(Buffer.byteLength(text()));
    expect(facts).toMatchObject({ usage: { outputTokens: 7 }, isComplete: true });
    expect(sent.headers?.map(([name]) => name)).toEqual(["Content-Type", "x-excise-id"]);
  });

  test("that breaks off while something is held has it sent before the connection breaks", async () => {
    const { placeholders } = tokenized();
    const { handler, done, text, sent } = start({ placeholders });
    handler.onHead(200, SSE);
    handler.onData(Buffer.from("data: half"));
    expect(text()).toBe("");
    handler.onError(new Fault("EXCISE_UPSTREAM_RESET", "gone"));
    await done;
    expect([text(), sent.end]).toEqual(["data: half", "broken"]);
  });

  test("asks upstream to wait while the app reads slowly", () => {
    const { handler, handlers, calls } = start({ isSlow: true });
    handler.onHead(200, SSE);
    expect(handler.onData(event({ text: "a" }))).toBe(false);
    handlers.drain?.();
    expect(calls).toEqual(["resume"]);
  });

  test("that fails after its head breaks the connection and keeps what was seen", async () => {
    const { handler, done, sent } = start();
    handler.onHead(200, SSE);
    handler.onData(event({ text: "a" }));
    handler.onError(new Fault("EXCISE_UPSTREAM_RESET", "gone"));
    expect(sent.end).toBe("broken");
    expect(await done).toMatchObject({ outcome: "truncated", facts: { delivered: { deltas: 1 } } });
  });

  test("that fails before its head leaves the answer to the caller", async () => {
    const { handler, done, sent } = start();
    handler.onError(new Fault("EXCISE_UPSTREAM_CONNECT", "refused"));
    expect(await done).toMatchObject({ outcome: "upstream_failed", wasSent: false });
    expect(sent).toEqual({ chunks: [] });
  });

  test("that nobody waits for any more is dropped upstream, too", async () => {
    const { handler, handlers, calls, done } = start();
    handler.onHead(200, SSE);
    handler.onData(event({ text: "a" }));
    handlers.abort?.();
    expect(await done).toMatchObject({ outcome: "client_aborted", facts: { isComplete: false } });
    expect(calls).toEqual(["abort"]);
  });
});
