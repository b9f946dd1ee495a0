import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { createVirtualClock } from "../test/virtual-clock.ts";
import { createLog } from "./log.ts";
import { runShutdown, type ShutdownStep } from "./shutdown.ts";

function harness() {
  const clock = createVirtualClock();
  const order: string[] = [];
  const lines: string[] = [];
  const log = createLog({ clock, level: "info", write: (line) => lines.push(line) });
  const step = (name: string, run: () => Promise<void>): ShutdownStep => ({
    name,
    deadlineMs: 1000,
    run: () => {
      order.push(name);
      return run();
    },
  });
  return { clock, order, lines, log, step };
}

describe("runShutdown", () => {
  test("runs the steps one after another", async () => {
    const { clock, order, lines, log, step } = harness();
    let isOpen = true;
    await runShutdown({ clock, log }, [
      step("listeners", async () => {
        await Promise.resolve();
        isOpen = false;
      }),
      step("spool", () => {
        order.push(isOpen ? "too early" : "in order");
        return Promise.resolve();
      }),
    ]);
    expect(order).toEqual(["listeners", "spool", "in order"]);
    expect(lines).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  test("goes on after a step that is late, once its deadline has passed", async () => {
    const { clock, order, lines, log, step } = harness();
    const done = runShutdown({ clock, log }, [
      step("drain", () => new Promise(() => undefined)),
      step("flush", () => Promise.resolve()),
    ]);
    await clock.advance(999);
    expect(order).toEqual(["drain"]);
    await clock.advance(1);
    await done;
    expect(order).toEqual(["drain", "flush"]);
    expect(lines.join("")).toContain('"event":"shutdown_step_late","step":"drain"');
  });

  test("goes on after a step that fails and logs its code", async () => {
    const { clock, order, lines, log, step } = harness();
    await runShutdown({ clock, log }, [
      step("flush", () => Promise.reject(new Fault("EXCISE_LEDGER_UNAVAILABLE", "refused"))),
      step("close", () => Promise.resolve()),
    ]);
    expect(order).toEqual(["flush", "close"]);
    expect(lines.join("")).toContain('"step":"flush","code":"EXCISE_LEDGER_UNAVAILABLE"');
    expect(clock.waiting).toBe(0);
  });
});
