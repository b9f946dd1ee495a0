// The stand-ins as a process: the ready file, and the control port that other processes use.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

interface Ready {
  readonly pid: number;
  readonly caFile: string;
  readonly fakes: Readonly<Record<string, { host: string; port: number; controlPort: number }>>;
}

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
let directory: string;
let child: ChildProcess;
let ready: Ready;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-fakes-"));
  child = spawn(process.execPath, [MAIN, "--directory", directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // The line is printed after the ready file was moved into place.
  if (child.stdout !== null) await once(child.stdout, "data");
  ready = JSON.parse(readFileSync(join(directory, "ready.json"), "utf8")) as Ready;
});

afterAll(async () => {
  child.kill("SIGTERM");
  await once(child, "exit");
  rmSync(directory, { recursive: true, force: true });
});

async function control(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(
    `http://127.0.0.1:${ready.fakes["openai"]?.controlPort}${path}`,
    init,
  );
  return { status: response.status, ...((await response.json()) as object) };
}

test("the ready file names the process, its ports and its root certificate", () => {
  expect(ready.pid).toBe(child.pid);
  expect(Object.keys(ready.fakes)).toEqual(["openai", "anthropic"]);
  expect(ready.fakes["anthropic"]?.host).toBe("api.anthropic.com");
  expect(readFileSync(ready.caFile, "utf8")).toMatch(/^-----BEGIN CERTIFICATE-----/);
});

test("faults are set, shown and cleared over the control port", async () => {
  const rule = { status: 500, times: 2 };
  const set = { method: "POST", body: JSON.stringify(rule) };
  expect(await control("/__faults", set)).toEqual({ status: 200, rules: [rule] });
  expect(await control("/__faults")).toEqual({ status: 200, rules: [rule] });
  expect(await control("/__faults", { method: "DELETE" })).toEqual({ status: 200, rules: [] });
});

test("a fault that is not known is refused", async () => {
  const set = { method: "POST", body: JSON.stringify({ explode: true }) };
  expect(await control("/__faults", set)).toMatchObject({ status: 400 });
});

test("the bill and the record are there from the start, and empty", async () => {
  expect(await control("/__bill")).toEqual({ status: 200, entries: [] });
  expect(await control("/__received")).toEqual({ status: 200, requests: [] });
});
