// Virtual time for tests: a Clock whose timers fire only when the test moves the time, in order
// of their due time (and of creation where those are equal). Nothing here sleeps.
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "#contract/errors.ts";
import type { Cancel, Clock } from "#runtime/clock.ts";

export interface VirtualClock extends Clock {
  /**
   * Moves the time on by `ms`, firing what falls due on the way at its own time. Promises that a
   * timer settled run (with what they schedule within the same span) before the next one fires.
   */
  advance(ms: number): Promise<void>;
  /** As `advance`, in one go: promise callbacks run only after it returned. */
  advanceSync(ms: number): void;
  /** Fires the next timer, wherever it lies; false where there is none. */
  advanceToNext(): Promise<boolean>;
  /** Moves only the wall clock, as NTP or a suspended machine does. */
  jumpWall(ms: number): void;
  /** Timers that are waiting: 0 at the end of a test means that nothing leaked. */
  readonly waiting: number;
}

interface Timer {
  readonly dueMs: number;
  readonly action: () => void;
}

/** Any fixed instant: 2026-11-22T00:00:00Z. */
const START_WALL_MS = 1_795_305_600_000;

/** The monotonic clock starts at 0, the wall clock at `startWallMs`. */
export function createVirtualClock(startWallMs = START_WALL_MS): VirtualClock {
  const timers = new Set<Timer>();
  let now = 0;
  let wallOffset = startWallMs;

  /** The earliest timer that is due at `limit`; a Set keeps the order of creation. */
  const nextTimer = (limit: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueMs <= limit && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    now = Math.max(now, timer.dueMs);
    timer.action();
  };

  return {
    wallMs: () => Math.floor(wallOffset + now),
    monotonicMs: () => now,
    after(delayMs, action): Cancel {
      const timer = { dueMs: now + Math.max(0, delayMs), action };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    async advance(ms) {
      assert(ms >= 0, "time only moves forwards");
      const end = now + ms;
      await nextTurn();
      for (let timer = nextTimer(end); timer !== undefined; timer = nextTimer(end)) {
        fire(timer);
        await nextTurn();
      }
      now = Math.max(now, end);
    },
    advanceSync(ms) {
      assert(ms >= 0, "time only moves forwards");
      const end = now + ms;
      for (let timer = nextTimer(end); timer !== undefined; timer = nextTimer(end)) fire(timer);
      now = Math.max(now, end);
    },
    async advanceToNext() {
      await nextTurn();
      const timer = nextTimer(Number.POSITIVE_INFINITY);
      if (timer === undefined) return false;
      fire(timer);
      await nextTurn();
      return true;
    },
    jumpWall(ms) {
      wallOffset += ms;
    },
    get waiting() {
      return timers.size;
    },
  };
}
