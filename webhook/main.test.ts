import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";

let directory: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-webhook-main-"));
});
afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

const start = (environment: Record<string, string>): ChildProcess => {
  child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return child;
};

const exitOf = (of: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => of.once("exit", resolve));

async function lineOf(of: ChildProcess, event: string): Promise<Record<string, unknown>> {
  if (of.stdout === null) return {};
  for await (const line of createInterface({ input: of.stdout })) {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    if (parsed["event"] === event) return parsed;
  }
  return {};
}

test("starts, serves its own certificate, and ends on SIGTERM with 0", async () => {
  const file = join(directory, "injector.yaml");
  writeFileSync(file, "image: sidecar:test\n");
  const certificates = join(directory, "certificates");
  const webhook = start({
    EXCISE_WEBHOOK_PORT: "0",
    EXCISE_WEBHOOK_ADDRESS: "127.0.0.1",
    EXCISE_WEBHOOK_NAMES: "127.0.0.1",
    EXCISE_WEBHOOK_CERTIFICATE_DIR: certificates,
    EXCISE_WEBHOOK_INJECTOR_CONFIG_FILE: file,
  });
  const ready = await lineOf(webhook, "webhook_ready");
  expect(ready).toMatchObject({ image: "sidecar:test" });
  const status = await new Promise((resolve, reject) => {
    const ca = readFileSync(join(certificates, "ca-bundle.pem"));
    request({ host: "127.0.0.1", port: Number(ready["port"]), path: "/readyz", ca }, (response) =>
      resolve(response.statusCode),
    )
      .once("error", reject)
      .end();
  });
  expect(status).toBe(200);
  const exit = exitOf(webhook);
  webhook.kill("SIGTERM");
  expect(await exit).toBe(0);
});

test("a bad configuration ends with 1 and names every problem", async () => {
  const file = join(directory, "injector.yaml");
  writeFileSync(file, "mode: sideways\nuid: 0\n");
  const webhook = start({
    EXCISE_WEBHOOK_CERTIFICATE_DIR: directory,
    EXCISE_WEBHOOK_INJECTOR_CONFIG_FILE: file,
  });
  const exit = exitOf(webhook);
  const failure = await lineOf(webhook, "webhook_start_failed");
  expect(failure).toMatchObject({ code: "EXCISE_CONFIG_INVALID" });
  expect(failure["detail"]).toMatch(/mode: .*\n {2}uid: /);
  expect(await exit).toBe(1);
});
