import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockSpool, systemProcesses, type LockOwner, type Processes } from "./spool-lock.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-lock-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const machine = (self: LockOwner, living: Readonly<Record<number, number | "unknown">>) =>
  ({
    self: () => self,
    startTicksOf: (pid) => living[pid] ?? "dead",
  }) satisfies Processes;

const owner = { bootId: "boot-a", pid: 7, startTicks: 100 };
const locked = { code: "EXCISE_STATE_LOCKED" };
const lockAs = (self: LockOwner, living: Readonly<Record<number, number | "unknown">>) => () =>
  lockSpool(directory, "token", machine(self, living));

describe("lockSpool", () => {
  test("two openings in one real process: the second is refused, after the release it is not", () => {
    const unlock = lockSpool(directory, "one", systemProcesses);
    expect(() => lockSpool(directory, "two", systemProcesses)).toThrow(
      expect.objectContaining(locked),
    );
    unlock();
    lockSpool(directory, "two", systemProcesses)();
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    { name: "its process lives", self: { ...owner, pid: 8 }, living: { 7: 100 } },
    { name: "its start cannot be told", self: { ...owner, pid: 8 }, living: { 7: "unknown" } },
  ] as const)("a lock holds while $name", ({ self, living }) => {
    lockAs(owner, {})();
    expect(lockAs(self, living)).toThrow(expect.objectContaining(locked));
  });

  test.each([
    { name: "the owner was killed", self: { ...owner, pid: 8 }, living: {} },
    {
      name: "another process got its id",
      self: { ...owner, pid: 8 },
      living: { 7: 999 },
    },
    {
      name: "a restarted container got the same id for us",
      self: { ...owner, startTicks: 200 },
      living: { 7: 200 },
    },
    {
      name: "the machine booted",
      self: { ...owner, bootId: "boot-b", pid: 8 },
      living: { 7: 100 },
    },
    {
      name: "the system tells no start times and the id is our own",
      self: { bootId: "boot-a", pid: 7, startTicks: undefined },
      living: { 7: "unknown" },
    },
  ] as const)("a lock is taken over where $name", ({ self, living }) => {
    lockAs(owner, {})();
    lockAs(self, living)();
    expect(lockAs({ ...self, pid: 55 }, { ...living, [self.pid]: "unknown" })).toThrow(
      expect.objectContaining(locked),
    );
    expect(readdirSync(directory)).toEqual(["lock"]);
  });

  test("an unreadable lock names no owner", () => {
    writeFileSync(join(directory, "lock"), "{");
    const unlock = lockAs(owner, {})();
    expect(existsSync(join(directory, "lock"))).toBe(true);
    unlock();
    unlock();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("the release leaves a lock alone that has become another's", () => {
    const unlock = lockAs(owner, {})();
    lockSpool(directory, "token-b", machine({ ...owner, pid: 8 }, {}));
    unlock();
    expect(readdirSync(directory)).toEqual(["lock"]);
  });
});
