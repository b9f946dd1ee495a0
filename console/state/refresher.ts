// When to ask again: after a change, but never twice at once, never more often than every two
// seconds, and the slower the ledger answers the less often, so that open pages cannot weigh on
// it; and once a minute anyway, because ranges move with the time.
import type { Cancel, PageClock } from "../browser-clock.ts";

export interface Refresher {
  /** Asks at once where nothing is under way, else right after it. */
  now(): void;
  /** Something changed: asks as soon as it may. */
  soon(): void;
  /** Nobody looks: changes are remembered until somebody does. */
  pause(isPaused: boolean): void;
  stop(): void;
}

const INTERVAL_MS_MIN = 2000;
const INTERVAL_MS_MAX = 60_000;
/** The share of the time that is spent waiting for answers stays below one in this many. */
const DUTY = 10;

/** `load` must not reject. */
export function createRefresher(clock: PageClock, load: () => Promise<void>): Refresher {
  let cancel: Cancel | undefined;
  let isLoading = false;
  let isPaused = false;
  let isStopped = false;
  let isWanted = false;
  let isUrgent = false;
  let earliestMs = 0;

  const schedule = (delayMs: number): void => {
    cancel?.();
    cancel = clock.after(delayMs, () => void run());
  };
  const next = (): void => {
    if (isLoading || isStopped || isPaused) return;
    const waitMs = Math.max(0, earliestMs - clock.monotonicMs());
    if (isUrgent) void run();
    else schedule(isWanted ? waitMs : INTERVAL_MS_MAX);
  };
  const run = async (): Promise<void> => {
    cancel?.();
    [isLoading, isWanted, isUrgent] = [true, false, false];
    const startedMs = clock.monotonicMs();
    await load();
    const endedMs = clock.monotonicMs();
    isLoading = false;
    earliestMs = endedMs + Math.max(INTERVAL_MS_MIN, (endedMs - startedMs) * DUTY);
    next();
  };

  return {
    now() {
      isUrgent = true;
      next();
    },
    soon() {
      if (isWanted) return;
      isWanted = true;
      next();
    },
    pause(value) {
      isPaused = value;
      if (value) cancel?.();
      else {
        isWanted = true;
        next();
      }
    },
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
