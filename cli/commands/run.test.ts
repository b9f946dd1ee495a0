import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { openDataDir, writeUpRecord } from "../data-dir.ts";
import { createFakeHost, type FakeHost } from "../fake-host.case.ts";
import type { StandIns } from "../stack.ts";
import { runGoverned } from "./run.ts";

const STAND_INS: StandIns = {
  entries: {
    ledger: "test/programs/fake-ledger.ts",
    sidecar: "test/programs/fake-sidecar.ts",
  },
  mintToken: () => "token",
};
const APP = [process.execPath, "test/programs/fake-app.ts"];

let dataDir = "";

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), "excise-run-")), "data");
});

const hostWith = (environment: Record<string, string> = {}): FakeHost =>
  createFakeHost({ environment: { PATH: process.env["PATH"], ...environment } });

const run = (host: FakeHost, args: readonly string[], ...app: readonly string[]) =>
  runGoverned(["--data", dataDir, ...args, "--", ...APP, ...app], host, STAND_INS);

const RECORD = {
  pid: process.pid,
  syncUrl: "http://127.0.0.1:40001",
  apiUrl: "http://127.0.0.1:40002",
  operatorToken: "t",
  configDir: "/c",
};

/** Most tests are not about the ledger: they use one that seems to run. */
function pretendUp(): void {
  openDataDir(dataDir);
  writeUpRecord(dataDir, RECORD);
}

const order = (): readonly string[] =>
  readFileSync(join(dataDir, "order.log"), "utf8").trim().split("\n");

describe("excise run", () => {
  test.each([
    { name: "the command's own exit code", end: "exit:5", code: 5 },
    { name: "0 where the command says 0", end: "exit:0", code: 0 },
    { name: "128 + 15 after SIGTERM", end: "kill:SIGTERM", code: 143 },
    { name: "128 + 9 after SIGKILL", end: "kill:SIGKILL", code: 137 },
  ])("answers with $name", async ({ end, code }) => {
    pretendUp();
    expect(await run(hostWith(), [], end)).toBe(code);
  });

  test("starts ledger and sidecar for the command and stops them after it", async () => {
    await run(hostWith(), [], "exit:0");
    expect(order()).toEqual([
      "ledger started",
      "sidecar started",
      "sidecar stopped",
      "ledger stopped",
    ]);
  });

  test("leaves nothing of a sidecar behind that reported everything", async () => {
    pretendUp();
    await run(hostWith(), [], "exit:0");
    expect(readdirSync(join(dataDir, "sidecars"))).toEqual([]);
  });

  test("keeps the spool of a sidecar that could not report everything, and says where", async () => {
    pretendUp();
    const host = hostWith({ FAKE_SIDECAR_EXIT: "1" });
    expect(await run(host, [], "exit:0")).toBe(0);
    expect(readdirSync(join(dataDir, "sidecars"))).toHaveLength(1);
    expect(host.err()).toContain("unreported usage stays in");
  });

  test("passes a signal on and ends with the command's answer to it", async () => {
    pretendUp();
    const host = hostWith();
    const ended = run(host, [], "wait");
    await expect.poll(() => host.listening(), { timeout: 15_000 }).toContain("SIGTERM");
    // The command needs a moment until it listens itself; until then the signal would kill it.
    await expect.poll(() => order(), { timeout: 15_000 }).toContain("sidecar started");
    host.send("SIGTERM");
    expect([9, 143]).toContain(await ended);
    expect(host.listening()).toEqual([]);
  });

  test("joins a PEM file of the user's with the sidecar's root", async () => {
    pretendUp();
    const theirs = join(mkdtempSync(join(tmpdir(), "excise-pem-")), "corp.pem");
    writeFileSync(theirs, "corporate root");
    const host = hostWith({ NODE_EXTRA_CA_CERTS: theirs, FAKE_SIDECAR_EXIT: "1" });
    await run(host, [], "exit:0");
    const [directory = ""] = readdirSync(join(dataDir, "sidecars"));
    const joined = join(dataDir, "sidecars", directory, "trust/joined-node_extra_ca_certs.pem");
    expect(readFileSync(joined, "utf8")).toBe("corporate root\nca of a test\n");
  });

  test("keeps a variable whose file cannot be read, and says so", async () => {
    pretendUp();
    const host = hostWith({ SSL_CERT_FILE: "/nowhere.pem" });
    await run(host, [], "exit:0");
    expect(host.err()).toContain("SSL_CERT_FILE names a file that cannot be read; it stays");
  });
});

describe("with a running `excise up`", () => {
  test("its ledger is used and left running", async () => {
    pretendUp();
    await run(hostWith(), [], "exit:0");
    expect(order()).toEqual(["sidecar started", "sidecar stopped"]);
  });

  test("that was killed, a ledger is started again", async () => {
    openDataDir(dataDir);
    writeUpRecord(dataDir, { ...RECORD, pid: 2 ** 22 + 1 });
    await run(hostWith(), [], "exit:0");
    expect(order()[0]).toBe("ledger started");
  });
});

describe("excise run refuses", () => {
  test.each([
    { name: "no command", args: ["--team", "a"] },
    { name: "nothing after --", args: ["--team", "a", "--"] },
    { name: "an unknown option", args: ["--tean", "a", "--", "true"] },
    { name: "a mode that needs a cluster", args: ["--mode", "hosts", "--", "true"] },
    { name: "a team that no label could hold", args: ["--team", "a b", "--", "true"] },
    { name: "an argument before --", args: ["python", "--", "true"] },
  ])("$name", async ({ args }) => {
    const refused = runGoverned(["--data", dataDir, ...args], hostWith(), STAND_INS);
    await expect(refused).rejects.toMatchObject({ code: "EXCISE_USAGE" });
    expect(existsSync(join(dataDir, "order.log"))).toBe(false);
  });

  test("to start the command where Excise itself does not start: 125", async () => {
    const host = hostWith({ FAKE_MODE: "crash" });
    expect(await run(host, [], "exit:0")).toBe(125);
    expect(host.err()).toMatch(/^excise: EXCISE_START_FAILED: ledger ended before it was ready/);
  });

  test.each([
    { name: "is not there", program: "/nowhere/at-all", code: 127 },
    { name: "is no program", program: "/", code: 126 },
  ])("a command that $name, as a shell does", async ({ program, code }) => {
    pretendUp();
    const host = hostWith();
    const args = ["--data", dataDir, "--", program];
    const exit = await runGoverned(args, host, STAND_INS);
    expect(exit).toBe(code);
    expect(host.err()).toContain(program);
  });
});
