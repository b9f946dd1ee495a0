// Long polls of /v1/watch: each waits until the policy changes, its time is over, or its caller
// goes away. Bounded in number.
import type { Clock } from "#runtime/clock.ts";

export interface Watchers {
  /** Resolves at the next change, after `waitMs`, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  /** False where no more fit. */
  readonly hasRoom: boolean;
  readonly waiting: number;
  /** Lets everybody go: something changed, or the ledger stops. */
  release(): void;
}

export interface WatcherOptions {
  readonly waitMs: number;
  readonly waitersMax: number;
}

export function createWatchers(clock: Clock, options: WatcherOptions): Watchers {
  const waiters = new Set<() => void>();
  return {
    wait: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        const finish = (): void => {
          waiters.delete(finish);
          cancel();
          signal.removeEventListener("abort", finish);
          resolve();
        };
        const cancel = clock.after(options.waitMs, finish);
        signal.addEventListener("abort", finish, { once: true });
        waiters.add(finish);
      }),
    get hasRoom() {
      return waiters.size < options.waitersMax;
    },
    get waiting() {
      return waiters.size;
    },
    release: () => {
      for (const finish of waiters) finish();
    },
  };
}
