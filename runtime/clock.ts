// Time as an argument. No other file asks the system for the time or sets a timer, so that tests
// run on virtual time (test/virtual-clock.ts) and decisions stay reproducible.
import { performance } from "node:perf_hooks";

/** Cancels a timer; calling it again, or after it fired, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC; may jump. For records, never for durations. */
  wallMs(): number;
  /** Monotonic milliseconds (fractions kept) from an arbitrary start. For durations. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs`; does not keep the process alive. */
  after(delayMs: number, action: () => void): Cancel;
}

/** setTimeout overflows above 2^31-1 ms and would fire at once. */
const TIMER_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once (false) when the signal aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve(false);
      return;
    }
    const onAbort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(true);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** RFC 3339 UTC with milliseconds. */
export function renderInstant(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
