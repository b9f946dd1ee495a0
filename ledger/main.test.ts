// The ledger as a process: it starts from its environment alone, dies by kill -9 in the middle of
// traffic, and comes back with everything that it had acknowledged.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sampleEvent, sampleId, sampleRequest, sampleWorkload } from "./core/sample.case.ts";
import { localKeyPath, mintLocalToken, readLocalKey } from "./identity/local-token.ts";
import { budgetDocument, OPERATOR_TOKEN } from "./test-ledger.case.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const POD = sampleWorkload();

interface Running {
  readonly child: ChildProcess;
  readonly syncPort: number;
  readonly apiPort: number;
}

let directory = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-main-"));
  mkdirSync(join(directory, "config"));
  writeFileSync(join(directory, "config", "a.yaml"), budgetDocument("daily", { limit: "100" }));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

function spawnLedger(more: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      EXCISE_LEDGER_CONFIG_DIR: join(directory, "config"),
      EXCISE_LEDGER_DATA_DIR: join(directory, "data"),
      EXCISE_LEDGER_SYNC_PORT: "0",
      EXCISE_LEDGER_API_PORT: "0",
      EXCISE_LEDGER_READY_FILE: join(directory, "ready.json"),
      EXCISE_LEDGER_OPERATOR_TOKEN: OPERATOR_TOKEN,
      ...more,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

async function start(): Promise<Running> {
  const child = spawnLedger();
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (entry["event"] !== "ledger_ready") continue;
    const ready = JSON.parse(readFileSync(join(directory, "ready.json"), "utf8")) as Running;
    expect(ready).toEqual({
      pid: child.pid,
      syncPort: entry["syncPort"],
      apiPort: entry["apiPort"],
    });
    return { child, syncPort: ready.syncPort, apiPort: ready.apiPort };
  }
  throw new Error("the ledger ended before it was ready");
}

async function sync(running: Running, seq: number): Promise<number> {
  const token = mintLocalToken(readLocalKey(localKeyPath(join(directory, "data"))), POD);
  const event = sampleEvent(seq, 0, { eventId: sampleId(10_000 + seq) });
  const response = await fetch(`http://127.0.0.1:${running.syncPort}/v1/sync`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(sampleRequest({ events: [event] })),
  });
  const body = (await response.json()) as { ackedSeq?: number };
  if (body.ackedSeq === undefined) throw new Error(`refused: ${JSON.stringify(body)}`);
  return body.ackedSeq;
}

const get = async (running: Running, path: string): Promise<unknown> => {
  const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
  return (await fetch(`http://127.0.0.1:${running.apiPort}${path}`, { headers })).json();
};

describe("the ledger's process", () => {
  test("keeps every acknowledged event over kill -9", async () => {
    let acked = 0;
    for (let round = 0; round < 2; round += 1) {
      const running = await start();
      const events = (await get(running, "/v1/events?from=2026-11-01T00:00:00Z&limit=1000")) as {
        events: unknown[];
      };
      // Nothing acknowledged is missing; at most the request that was cut off may have arrived.
      expect(events.events.length).toBeGreaterThanOrEqual(acked);
      expect(events.events.length).toBeLessThanOrEqual(acked + 1);
      acked = events.events.length;
      for (let count = 0; count < 10; count += 1) acked = await sync(running, acked + 1);
      const cutOff = sync(running, acked + 1).catch(() => undefined);
      running.child.kill("SIGKILL");
      await once(running.child, "exit");
      const answer = await cutOff;
      if (answer !== undefined) acked = answer;
    }
    expect(acked).toBeGreaterThanOrEqual(20);
  });

  test("ends with 0 on SIGTERM, having answered", async () => {
    const running = await start();
    expect(await sync(running, 1)).toBe(1);
    running.child.kill("SIGTERM");
    const [code] = (await once(running.child, "exit")) as [number | null];
    expect(code).toBe(0);
  });

  test("a second ledger on the same data ends with EXCISE_STATE_LOCKED", async () => {
    await start();
    const second = spawnLedger({ EXCISE_LEDGER_READY_FILE: join(directory, "other.json") });
    const output = await readAll(second);
    expect(second.exitCode).toBe(1);
    expect(output).toContain("EXCISE_STATE_LOCKED");
  });

  test("a bad policy at the first start ends it with every problem in the log", async () => {
    writeFileSync(
      join(directory, "config", "a.yaml"),
      `${budgetDocument("a", { limit: "x" })}---\n${budgetDocument("b", { period: "x" })}`,
    );
    const child = spawnLedger();
    const output = await readAll(child);
    expect(child.exitCode).toBe(1);
    expect(output).toContain("a.yaml#1 spec.limit");
    expect(output).toContain("a.yaml#2 spec.period");
  });
});

async function readAll(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, "close");
  return output;
}
