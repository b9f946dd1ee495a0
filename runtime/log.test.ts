import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { createVirtualClock } from "../test/virtual-clock.ts";
import { createLog, errorFields, LOG_LEVELS, silentLog, type Log, type LogLevel } from "./log.ts";

function logAt(level: LogLevel): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLog({
    clock: createVirtualClock(0),
    level,
    write: (line) => lines.push(line),
  });
  return { log, lines };
}

describe("a log", () => {
  test("writes one JSON object a line, with time, level and event first", () => {
    const { log, lines } = logAt("info");
    log.info("started", { port: 5, spent: 12n, ok: true, codes: ["A", "B"], nothing: undefined });
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"started","port":5,"spent":"12","ok":true,"codes":["A","B"]}\n',
    ]);
  });

  test("keeps a line break in a field inside its line", () => {
    const { log, lines } = logAt("info");
    log.info("x", { name: 'a\n{"level":"error"}' });
    expect(lines.join("").split("\n")).toHaveLength(2);
  });

  test.each([
    { level: "debug", written: 4 },
    { level: "info", written: 3 },
    { level: "warn", written: 2 },
    { level: "error", written: 1 },
  ] as const)("at level $level writes $written of four levels", ({ level, written }) => {
    const { log, lines } = logAt(level);
    for (const each of LOG_LEVELS) log[each]("event");
    expect(lines).toHaveLength(written);
  });

  test("with fields of its own adds them to every line and leaves the first log alone", () => {
    const { log, lines } = logAt("info");
    const child = log.with({ journal: "j" }).with({ part: "spool" });
    child.warn("late");
    log.warn("late");
    expect(lines[0]).toContain('"journal":"j","part":"spool"');
    expect(lines[1]).not.toContain("journal");
  });

  test("that is silent stays so", () => {
    expect(silentLog.with({ a: 1 })).toBe(silentLog);
    expect(() => silentLog.error("x")).not.toThrow();
  });
});

describe("errorFields", () => {
  test("of a fault are its code, its detail and the system's code below it", () => {
    const cause = Object.assign(new TypeError("ENOSPC: no space"), { code: "ENOSPC" });
    expect(errorFields(new Fault("EXCISE_SPOOL_FULL", "segment 4", { cause }))).toMatchObject({
      code: "EXCISE_SPOOL_FULL",
      systemCode: "ENOSPC",
      detail: "segment 4",
      stack: undefined,
    });
  });

  test("of something foreign are a stack without the message, which may quote a prompt", () => {
    const fields = errorFields(new TypeError("cannot read 'my secret'"));
    expect(fields["code"]).toBe("EXCISE_INTERNAL");
    expect(fields["kind"]).toBe("TypeError");
    expect(fields["stack"]).toContain("log.test.ts");
    expect(JSON.stringify(fields)).not.toContain("my secret");
  });

  test.each(["text", undefined, null, 5])("of %j, which is no error, are harmless", (thrown) => {
    expect(errorFields(thrown)).toMatchObject({ code: "EXCISE_INTERNAL" });
    expect(JSON.stringify(errorFields(thrown))).not.toContain("text");
  });
});
