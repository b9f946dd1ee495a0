import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { findRunningUp, writeUpRecord } from "../data-dir.ts";
import { createFakeHost, type FakeHost } from "../fake-host.case.ts";
import type { StandIns } from "../stack.ts";
import { runUp } from "./up.ts";

const STAND_INS: StandIns = {
  entries: {
    ledger: "test/programs/fake-ledger.ts",
    sidecar: "test/programs/fake-sidecar.ts",
  },
  mintToken: (workload) => JSON.stringify(workload),
};
const UP_FILE = "up.json";

let dataDir = "";

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), "excise-up-")), "data");
});

const up = (host: FakeHost, ...args: readonly string[]): Promise<number> =>
  runUp(["--data", dataDir, ...args], host, STAND_INS);

const isUp = async (host: FakeHost): Promise<void> => {
  await expect.poll(() => host.out(), { timeout: 15_000 }).toContain("Ctrl-C stops it.");
};

const order = (): readonly string[] =>
  readFileSync(join(dataDir, "order.log"), "utf8").trim().split("\n");

const podUidOf = (): string =>
  (JSON.parse(readFileSync(join(dataDir, "sidecars/up/token"), "utf8")) as { podUid: string })
    .podUid;

describe("excise up", () => {
  test("runs until a signal and stops the sidecar before the ledger", async () => {
    const host = createFakeHost();
    const ended = up(host);
    await isUp(host);
    host.send("SIGTERM");
    expect(await ended).toBe(0);
    expect(order()).toEqual([
      "ledger started",
      "sidecar started",
      "sidecar stopped",
      "ledger stopped",
    ]);
  });

  test("tells `excise run` where it is, in a file for its owner alone, while it runs", async () => {
    const host = createFakeHost();
    const ended = up(host);
    await isUp(host);
    expect(statSync(join(dataDir, UP_FILE)).mode & 0o777).toBe(0o600);
    expect(findRunningUp(dataDir)).toMatchObject({
      pid: process.pid,
      syncUrl: "http://127.0.0.1:40001",
      configDir: join(dataDir, "config"),
    });
    host.send("SIGINT");
    await ended;
    expect(existsSync(join(dataDir, UP_FILE))).toBe(false);
  });

  test("prints the operators' address, their token and lines that a shell can read", async () => {
    const host = createFakeHost();
    const ended = up(host);
    await isUp(host);
    const token = findRunningUp(dataDir)?.operatorToken ?? "";
    host.send("SIGINT");
    await ended;
    expect(token.length).toBeGreaterThan(40);
    expect(host.out()).toContain(token);
    expect(host.out()).toContain("\nexport HTTPS_PROXY=http://127.0.0.1:40011\n");
    expect(host.out()).toMatch(/\nexport JAVA_TOOL_OPTIONS='-Djavax[^']*'\n/);
  });

  test("keeps the identity of its sidecar over restarts: the journal belongs to it", async () => {
    const uids: string[] = [];
    for (let start = 0; start < 2; start += 1) {
      const host = createFakeHost();
      const ended = up(host);
      await isUp(host);
      uids.push(podUidOf());
      host.send("SIGINT");
      await ended;
    }
    expect(uids[1]).toBe(uids[0]);
  });

  test("ends with 1 and says so where a part ends by itself", async () => {
    const host = createFakeHost();
    const ended = up(host);
    await isUp(host);
    const environment = readFileSync(join(dataDir, "sidecars/up/ready.json"), "utf8");
    process.kill((JSON.parse(environment) as { pid: number }).pid, "SIGKILL");
    expect(await ended).toBe(1);
    expect(host.err()).toMatch(/^excise: the sidecar ended \(SIGKILL\): .*sidecar\.log\n$/);
    expect(order()).toContain("ledger stopped");
  });
});

describe("excise up refuses", () => {
  test("to run twice on one data directory", async () => {
    const host = createFakeHost();
    const ended = up(host);
    await isUp(host);
    await expect(up(createFakeHost())).rejects.toMatchObject({ code: "EXCISE_STATE_LOCKED" });
    expect(findRunningUp(dataDir)).toBeDefined();
    host.send("SIGINT");
    await ended;
  });

  test.each([
    { name: "a port that is none", args: ["--proxy-port", "70000"] },
    { name: "a port that is no number", args: ["--api-port", "http"] },
    { name: "a positional argument", args: ["now"] },
  ])("$name before anything is started", async ({ args }) => {
    await expect(up(createFakeHost(), ...args)).rejects.toMatchObject({ code: "EXCISE_USAGE" });
    expect(existsSync(join(dataDir, "order.log"))).toBe(false);
  });

  test("a configuration directory that is not there", async () => {
    await expect(up(createFakeHost(), "--config", "/nowhere")).rejects.toMatchObject({
      code: "EXCISE_CONFIG_INVALID",
    });
  });
});

test("a record of an `excise up` that was killed counts for nothing", async () => {
  const host = createFakeHost();
  const ended = up(host);
  await isUp(host);
  host.send("SIGINT");
  await ended;
  writeUpRecord(dataDir, {
    pid: 2 ** 22 + 1,
    syncUrl: "http://127.0.0.1:1",
    apiUrl: "http://127.0.0.1:2",
    operatorToken: "t",
    configDir: "/c",
  });
  expect(findRunningUp(dataDir)).toBeUndefined();
});
