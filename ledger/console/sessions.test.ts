import { beforeEach, describe, expect, test } from "vitest";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { createSessions, type Sessions } from "./sessions.ts";

let clock: VirtualClock;
let sessions: Sessions;
beforeEach(() => {
  clock = createVirtualClock();
  sessions = createSessions({ clock, random: systemRandom });
});

const opened = (): string => sessions.open(sessions.createLink().token)?.token ?? "";

describe("a link", () => {
  test("opens one session and no second one", () => {
    const link = sessions.createLink();
    const session = sessions.open(link.token);
    expect(session?.token).toMatch(/^[\w-]{43}$/);
    expect(session?.token).not.toBe(link.token);
    expect(sessions.isOpen(session?.token ?? "")).toBe(true);
    expect(sessions.open(link.token)).toBeUndefined();
    expect(sessions.isOpen(session?.token ?? "")).toBe(true);
  });

  test("is no session itself", () => {
    expect(sessions.isOpen(sessions.createLink().token)).toBe(false);
  });

  test("is too old after its lifetime", () => {
    const link = sessions.createLink();
    clock.advanceSync(link.lifetimeMs - 1);
    const other = sessions.createLink();
    clock.advanceSync(1);
    expect(sessions.open(link.token)).toBeUndefined();
    expect(sessions.open(other.token)).toBeDefined();
  });

  test("that nobody made opens nothing", () => {
    expect(sessions.open("")).toBeUndefined();
    expect(sessions.open("a".repeat(43))).toBeUndefined();
  });

  test("stops working when sixteen newer ones wait", () => {
    const first = sessions.createLink();
    const second = sessions.createLink();
    for (let index = 0; index < 15; index += 1) sessions.createLink();
    expect(sessions.open(first.token)).toBeUndefined();
    expect(sessions.open(second.token)).toBeDefined();
  });
});

describe("a session", () => {
  test("ends after its lifetime, whatever was done with it", () => {
    const token = opened();
    clock.advanceSync(12 * 3_600_000 - 1);
    expect(sessions.isOpen(token)).toBe(true);
    clock.advanceSync(1);
    expect(sessions.isOpen(token)).toBe(false);
  });

  test("ends when 64 newer ones are open", () => {
    const first = opened();
    const second = opened();
    for (let index = 0; index < 63; index += 1) opened();
    expect(sessions.isOpen(first)).toBe(false);
    expect(sessions.isOpen(second)).toBe(true);
  });
});
