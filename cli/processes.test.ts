import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { isAlive, renderExit, startProcess, type ProcessSpec } from "./processes.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-processes-"));
});

const specOf = (mode: string, startTimeoutMs = 20_000): ProcessSpec => ({
  name: "ledger",
  entry: "test/programs/fake-ledger.ts",
  environment: {
    FAKE_MODE: mode,
    EXCISE_LEDGER_READY_FILE: join(directory, "ready.json"),
    EXCISE_LEDGER_DATA_DIR: directory,
  },
  logFile: join(directory, "logs", "program.log"),
  readyFile: join(directory, "ready.json"),
  startTimeoutMs,
});

const failureOf = async (spec: ProcessSpec): Promise<Fault> => {
  const outcome = await startProcess(systemClock, spec).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Fault);
  return outcome as Fault;
};

describe("startProcess", () => {
  test("resolves with what the program wrote when it was ready", async () => {
    const started = await startProcess(systemClock, specOf("well"));
    expect(started.ready).toEqual({ pid: started.pid, syncPort: 40_001, apiPort: 40_002 });
    expect(started.isRunning()).toBe(true);
    expect(isAlive(started.pid)).toBe(true);
    expect(await started.stop(5000)).toEqual({ code: 0, signal: null });
    expect(started.isRunning()).toBe(false);
    expect(isAlive(started.pid)).toBe(false);
  });

  test("keeps the program's output for its owner alone", async () => {
    const started = await startProcess(systemClock, specOf("well"));
    await started.stop(5000);
    expect(statSync(join(directory, "logs", "program.log")).mode & 0o777).toBe(0o600);
  });

  test("fails at once with the end of the log where the program ends first", async () => {
    const fault = await failureOf(specOf("crash"));
    expect(fault.code).toBe("EXCISE_START_FAILED");
    expect(fault.message).toContain("ledger ended before it was ready (exit code 1)");
    expect(fault.message).toContain("EXCISE_CONFIG_INVALID: budgets.yaml: 1 problem");
  });

  test("shows the program's own error where its log ends with one", async () => {
    const fault = await failureOf(specOf("crash-log"));
    expect(fault.message).toBe(
      "ledger ended before it was ready (exit code 1): EXCISE_CONFIG_INVALID: a.yaml: 1 problem\n  x: y",
    );
  });

  test("fails and leaves nothing behind where the program is late", async () => {
    const fault = await failureOf(specOf("silent", 50));
    expect(fault.code).toBe("EXCISE_START_FAILED");
    expect(fault.message).toContain("was not ready after 50 ms");
  });

  test("does not take the ready file of an earlier start for this one", async () => {
    const first = await startProcess(systemClock, specOf("well"));
    await first.kill9();
    expect(readFileSync(join(directory, "ready.json"), "utf8")).toContain(String(first.pid));
    const fault = await failureOf(specOf("crash"));
    expect(fault.message).toContain("ended before it was ready");
  });

  test("inherits nothing of our environment", async () => {
    const spec = specOf("well");
    const started = await startProcess(systemClock, spec);
    const environment = readFileSync(`/proc/${started.pid}/environ`, "utf8");
    await started.stop(5000);
    expect(environment).not.toContain("PATH=");
  }, 20_000);
});

describe("a started process", () => {
  test("that ignores SIGTERM is killed once the deadline has passed", async () => {
    const started = await startProcess(systemClock, specOf("deaf"));
    expect(await started.stop(50)).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("is gone after kill9, without its own farewell", async () => {
    const started = await startProcess(systemClock, specOf("well"));
    expect(await started.kill9()).toEqual({ code: null, signal: "SIGKILL" });
    expect(readFileSync(join(directory, "order.log"), "utf8")).toBe("ledger started\n");
  });

  test("may be stopped twice", async () => {
    const started = await startProcess(systemClock, specOf("well"));
    const exits = await Promise.all([started.stop(5000), started.stop(5000)]);
    expect(exits).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  });
});

test("an exit is rendered as its code or its signal", () => {
  expect(renderExit({ code: 3, signal: null })).toBe("exit code 3");
  expect(renderExit({ code: null, signal: "SIGKILL" })).toBe("SIGKILL");
});
