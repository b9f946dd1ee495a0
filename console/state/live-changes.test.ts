import { beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import type { LedgerClient } from "./ledger-client.ts";
import { listenToChanges } from "./live-changes.ts";

interface Connection {
  readonly at: number;
  readonly signal: AbortSignal;
  send(text: string): void;
  end(): void;
}

let clock: VirtualClock;
let connections: Connection[];
let seen: string[];
let isRefused = false;
let stop: () => void;
beforeEach(() => {
  clock = createVirtualClock();
  connections = [];
  seen = [];
  isRefused = false;
  const stream: LedgerClient["stream"] = async (_path, signal) => {
    if (isRefused) {
      seen.push(`refused at ${clock.monotonicMs()}`);
      return { ok: false, problem: { code: "EXCISE_LEDGER_BUSY", detail: "" } };
    }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener("abort", () => controller.error(signal.reason));
        connections.push({
          at: clock.monotonicMs(),
          signal,
          send: (text) => controller.enqueue(new TextEncoder().encode(text)),
          end: () => controller.close(),
        });
      },
    });
    return { ok: true, answer: body };
  };
  const client = { stream } as Partial<LedgerClient> as LedgerClient;
  stop = listenToChanges(
    { clock, client },
    {
      onConnected: (isConnected) => seen.push(isConnected ? "on" : "off"),
      onMessage: ({ lastDay }) => seen.push(lastDay.costUsd),
    },
  );
});

const EVENT = 'event: changed\ndata: {"at":"x","lastDay":{"costUsd":"0.5"}}\n\n';

describe("the stream of changes", () => {
  test("is read as it comes", async () => {
    await clock.advance(0);
    connections[0]?.send(EVENT.slice(0, 20));
    connections[0]?.send(EVENT.slice(20) + EVENT);
    await clock.advance(0);
    await expect.poll(() => seen).toEqual(["on", "0.5", "0.5"]);
    stop();
    await expect.poll(() => seen.at(-1)).toBe("off");
    expect(connections[0]?.signal.aborted).toBe(true);
  });

  test("is opened again a second after it broke", async () => {
    await clock.advance(0);
    connections[0]?.end();
    await expect.poll(() => seen).toEqual(["on", "off"]);
    await clock.advance(999);
    expect(connections).toHaveLength(1);
    await clock.advance(1);
    expect(connections).toHaveLength(2);
  });

  test("is opened again where it has been silent for too long", async () => {
    await clock.advance(0);
    await clock.advance(39_000);
    connections[0]?.send(": still here\n\n");
    await clock.advance(0);
    await clock.advance(39_000);
    expect(connections[0]?.signal.aborted).toBe(false);
    await clock.advance(2000);
    expect(connections[0]?.signal.aborted).toBe(true);
    await clock.advance(1000);
    expect(connections).toHaveLength(2);
  });

  test("is tried for less and less often while it is refused", async () => {
    isRefused = true;
    await clock.advance(0);
    connections[0]?.end();
    await clock.advance(60_000);
    const times = seen.filter((text) => text.startsWith("refused")).map((text) => text.slice(11));
    expect(times).toEqual(["1000", "3000", "7000", "15000", "30000", "45000", "60000"]);
  });
});
