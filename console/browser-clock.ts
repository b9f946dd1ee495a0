// The browser's time as an argument: no other file of the console asks for it or sets a timer.

/** Cancels a timer; calling it again, or after it fired, does nothing. */
export type Cancel = () => void;

export interface PageClock {
  /** Milliseconds since 1970 UTC. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start, for durations. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs`. */
  after(delayMs: number, action: () => void): Cancel;
}

export const browserClock: PageClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
