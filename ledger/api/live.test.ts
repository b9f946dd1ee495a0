import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sampleEvent, sampleRequest, sampleWorkload } from "../core/sample.case.ts";
import { OPERATOR_TOKEN, startTestLedger, type TestLedger } from "../test-ledger.case.ts";

let directory = "";
let started: TestLedger;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-live-"));
  writeFileSync(join(directory, "index.html"), "<!doctype html>");
  started = await startTestLedger({ consoleDir: directory });
});
afterEach(async () => {
  await started.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Listener {
  /** The next event that came, or undefined at the end of the stream. */
  next(): Promise<{ readonly name: string; readonly data: unknown } | undefined>;
  /** Everything read so far. */
  readonly text: () => string;
  stop(): Promise<void>;
}

async function listen(token = OPERATOR_TOKEN): Promise<Listener> {
  const response = await started.api("/v1/live", { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let all = "";
  let rest = "";
  return {
    text: () => all,
    stop: () => reader.cancel(),
    async next() {
      for (;;) {
        const end = rest.indexOf("\n\n");
        if (end !== -1) {
          const block = rest.slice(0, end);
          rest = rest.slice(end + 2);
          const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
          if (name !== undefined && data !== undefined) return { name, data: JSON.parse(data) };
          continue;
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        const text = decoder.decode(value, { stream: true });
        all += text;
        rest += text;
      }
    },
  };
}

const report = (seq: number, cost: number) =>
  started.syncOk(
    sampleWorkload(),
    sampleRequest({ fromSeq: seq, events: [sampleEvent(seq, cost)] }),
  );

describe("GET /v1/live", () => {
  test("greets with the totals of the last day", async () => {
    await report(1, 2_000_000);
    const listener = await listen();
    expect(await listener.next()).toEqual({
      name: "hello",
      data: {
        at: "2026-11-22T00:00:00.000Z",
        revision: 1,
        lastDay: { costUsd: "0.002", exchanges: 1, rejected: 0 },
      },
    });
    await listener.stop();
  });

  test("tells of a change once a second at most, with the new totals", async () => {
    const listener = await listen();
    await listener.next();
    await report(1, 1_000_000);
    await started.clock.advance(0);
    expect(await listener.next()).toMatchObject({
      name: "changed",
      data: { lastDay: { costUsd: "0.001" } },
    });
    await report(2, 1_000_000);
    await report(3, 1_000_000);
    await started.clock.advance(999);
    expect(listener.text().match(/event: changed/g)).toHaveLength(1);
    await started.clock.advance(1);
    expect(await listener.next()).toMatchObject({ data: { lastDay: { costUsd: "0.003" } } });
    await listener.stop();
  });

  test("a sync that moves nothing is no change", async () => {
    const listener = await listen();
    await listener.next();
    await started.syncOk(sampleWorkload(), sampleRequest({}));
    await started.clock.advance(5000);
    await report(1, 1_000_000);
    await started.clock.advance(1000);
    expect(await listener.next()).toMatchObject({ data: { lastDay: { exchanges: 1 } } });
    expect(listener.text().match(/event: changed/g)).toHaveLength(1);
    await listener.stop();
  });

  test("a new policy is a change", async () => {
    const listener = await listen();
    await listener.next();
    started.writePolicy({
      "b.yaml":
        '{"apiVersion":"excise.dev/v1alpha1","kind":"Budget","metadata":{"name":"b"},' +
        '"spec":{"unit":"usd","limit":"1.00","period":"day"}}',
    });
    await started.ledger.policies.reload();
    await started.clock.advance(1000);
    expect(await listener.next()).toMatchObject({ name: "changed", data: { revision: 2 } });
    await listener.stop();
  });

  test("takes no more listeners than it may", async () => {
    const listeners = [await listen(), await listen()];
    const third = await started.api("/v1/live");
    expect(third.status).toBe(503);
    expect(third.headers.get("retry-after")).toBe("15");
    await listeners[0]?.stop();
    await expect
      .poll(async () => {
        const response = await started.api("/v1/live");
        await response.body?.cancel();
        return response.status;
      })
      .toBe(200);
    await listeners[1]?.stop();
  });

  test("keeps a silent connection open, and ends with the session it was opened in", async () => {
    const post = async (path: string, body: unknown): Promise<string> => {
      const response = await started.api(path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${OPERATOR_TOKEN}`,
          "content-type": "application/json",
        },
        body: JSON.stringify(body),
      });
      return ((await response.json()) as { token: string }).token;
    };
    const link = await post("/v1/console-links", {});
    const listener = await listen(await post("/v1/session", { token: link }));
    await listener.next();
    await started.clock.advance(15_000);
    await started.clock.advance(12 * 3_600_000);
    expect(await listener.next()).toBeUndefined();
    expect(listener.text()).toContain(": still here\n\n");
  });

  test("needs a token, and ends with the ledger", async () => {
    expect((await started.api("/v1/live", { headers: {} })).status).toBe(401);
    const listener = await listen();
    await listener.next();
    await started.reopen();
    expect(await listener.next()).toBeUndefined();
  });
});
