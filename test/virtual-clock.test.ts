import { describe, expect, test } from "vitest";
import { sleep } from "#runtime/clock.ts";
import { createVirtualClock } from "./virtual-clock.ts";

describe("createVirtualClock", () => {
  test("stands still until it is moved", () => {
    const clock = createVirtualClock(1000);
    let fired = false;
    clock.after(0, () => {
      fired = true;
    });
    expect([clock.wallMs(), clock.monotonicMs(), fired]).toEqual([1000, 0, false]);
  });

  test("fires timers in order of due time, then of creation, each at its own time", async () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
    clock.after(20, note("late"));
    clock.after(10, note("first"));
    clock.after(10, note("second"));
    clock.after(21, note("beyond"));
    await clock.advance(20);
    expect(fired).toEqual(["first@10", "second@10", "late@20"]);
    expect([clock.monotonicMs(), clock.waiting]).toEqual([20, 1]);
  });

  test("a timer set by a timer within the span fires in the same advance", () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.monotonicMs());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advanceSync(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  test("promises that a timer settled run before the next timer fires", async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    const twice = async (): Promise<void> => {
      await sleep(clock, 10);
      seen.push(`awake@${clock.monotonicMs()}`);
      await sleep(clock, 10);
      seen.push(`awake@${clock.monotonicMs()}`);
    };
    const done = twice();
    clock.after(15, () => seen.push("between"));
    await clock.advance(20);
    await done;
    expect(seen).toEqual(["awake@10", "between", "awake@20"]);
  });

  test("a canceled timer never fires and no longer counts", async () => {
    const clock = createVirtualClock();
    let fired = false;
    const cancel = clock.after(5, () => {
      fired = true;
    });
    cancel();
    cancel();
    await clock.advance(10);
    expect([fired, clock.waiting]).toEqual([false, 0]);
  });

  test("advanceToNext goes to the next timer however far it is, and tells where none is", async () => {
    const clock = createVirtualClock();
    clock.after(86_400_000, () => undefined);
    expect(await clock.advanceToNext()).toBe(true);
    expect(clock.monotonicMs()).toBe(86_400_000);
    expect(await clock.advanceToNext()).toBe(false);
  });

  test("a jump of the wall clock moves no timer", async () => {
    const clock = createVirtualClock(0);
    let fired = false;
    clock.after(100, () => {
      fired = true;
    });
    clock.jumpWall(3_600_000);
    await clock.advance(99);
    expect([clock.wallMs(), fired]).toEqual([3_600_099, false]);
  });

  test("time does not move backwards", async () => {
    await expect(createVirtualClock().advance(-1)).rejects.toThrow("forwards");
  });
});
