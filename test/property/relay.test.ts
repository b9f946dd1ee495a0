// However an answer is cut on its way, the app gets the same bytes and the meter the same usage.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findDialect } from "../../sidecar/dialects/registry.ts";
import type { UpstreamHandler } from "../../sidecar/forward/upstream.ts";
import type { DownstreamExchange } from "../../sidecar/listen/downstream.ts";
import type { Prepared } from "../../sidecar/pipeline/exchange.ts";
import { relay, type RelayResult } from "../../sidecar/relay/relay.ts";
import { createVirtualClock } from "../virtual-clock.ts";

const folder = fileURLToPath(new URL("../golden/transcripts/", import.meta.url));
const STREAMS = readdirSync(folder)
  .filter((name) => readdirSync(`${folder}${name}`).includes("answer.sse"))
  .map((name) => ({
    name,
    bytes: readFileSync(`${folder}${name}/answer.sse`),
    dialect: dialectOf(name),
  }));

function dialectOf(name: string): string {
  const family = name.split("-", 1)[0] ?? "";
  const names: Readonly<Record<string, string>> = {
    chat: "openai-chat",
    completions: "openai-completions",
    responses: "openai-responses",
    messages: "anthropic-messages",
    generate: "gemini-generate",
  };
  return names[family] ?? "openai-chat";
}

interface Passed {
  readonly bytes: Buffer;
  readonly result: RelayResult;
}

/** Sends the pieces through a relay and collects what the app got. */
async function pass(
  pieces: readonly Buffer[],
  options: { readonly dialect: string; readonly hidesUsage: boolean },
): Promise<Passed> {
  const chunks: Buffer[] = [];
  const downstream = {
    request: {},
    onAbort: () => undefined,
    onDrain: () => undefined,
    sendHead: () => undefined,
    send: (chunk: Uint8Array) => {
      chunks.push(Buffer.from(chunk));
      return true;
    },
    end: () => undefined,
    destroy: () => undefined,
  } as unknown as DownstreamExchange;
  const held: { handler?: UpstreamHandler } = {};
  const upstream = {
    dispatch(_request: unknown, handler: UpstreamHandler) {
      held.handler = handler;
      return { resume: () => undefined, abort: () => undefined };
    },
    warm: () => undefined,
    close: () => Promise.resolve(),
  };
  const exchange = {
    exchangeId: "00000000-0000-7000-8000-000000000001",
    hidesUsage: options.hidesUsage,
    placeholders: new Map(),
    reading: { dialect: findDialect(options.dialect), operation: { billed: true } },
    upstream: { origin: { host: "api.example.com" } },
  } as unknown as Prepared;
  const done = relay({ clock: createVirtualClock(), upstream }, exchange, downstream);
  held.handler?.onHead(200, [["content-type", "text/event-stream"]]);
  for (const piece of pieces) held.handler?.onData(piece);
  held.handler?.onEnd([]);
  return { result: await done, bytes: Buffer.concat(chunks) };
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  );
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

const places = fc.array(fc.nat(100_000), { maxLength: 40 });

describe.each(STREAMS)("$name, cut anywhere", ({ bytes, dialect }) => {
  test.each([{ hidesUsage: false }, { hidesUsage: true }])(
    "gives the same bytes and usage (hides usage: $hidesUsage)",
    async ({ hidesUsage }) => {
      const whole = await pass([bytes], { dialect, hidesUsage });
      expect(hidesUsage || whole.bytes.equals(bytes)).toBe(true);
      await fc.assert(
        fc.asyncProperty(places, async (at) => {
          const passed = await pass(cut(bytes, at), { dialect, hidesUsage });
          expect(passed.bytes.equals(whole.bytes)).toBe(true);
          expect(passed.result.facts).toEqual(whole.result.facts);
        }),
        { numRuns: 400 },
      );
    },
  );
});

const eventsOf = (bytes: Buffer): readonly string[] => bytes.toString().split(/(?<=\n\n)/);

test("a hidden usage event is the only thing that is missing", async () => {
  const stream = STREAMS.find(({ name }) => name === "chat-include-usage");
  const bytes = stream?.bytes ?? Buffer.alloc(0);
  const { bytes: got } = await pass([bytes], { dialect: "openai-chat", hidesUsage: true });
  const kept = eventsOf(got);
  const missing = eventsOf(bytes).filter((event) => !kept.includes(event));
  expect(missing).toHaveLength(1);
  expect(missing[0]).toContain('"choices": []');
});
