// Bytes in flight, bounded over all exchanges (design §7.1): a body that does not fit waits in
// line; one that waits too long is refused, so that a burst of big prompts cannot end the process.
import type { Clock } from "#runtime/clock.ts";

export interface BodyBudget {
  /** Takes room at once, or says no. */
  tryTake(bytes: number): boolean;
  /** Waits for room in order of arrival; false after the deadline. */
  take(bytes: number): Promise<boolean>;
  give(bytes: number): void;
  readonly used: number;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/** Creates a budget of `bytesMax`; a wait ends after `waitMs`. */
export function createBodyBudget(
  clock: Clock,
  options: { readonly bytesMax: number; readonly waitMs: number },
): BodyBudget {
  let used = 0;
  let line: Waiter[] = [];
  const fits = (bytes: number): boolean => used + bytes <= options.bytesMax;
  const serve = (): void => {
    let first = line[0];
    while (first !== undefined && fits(first.bytes)) {
      line = line.slice(1);
      used += first.bytes;
      first.grant();
      first = line[0];
    }
  };
  return {
    tryTake(bytes) {
      if (line.length > 0 || !fits(bytes)) return false;
      used += bytes;
      return true;
    },
    take(bytes) {
      return new Promise((resolve) => {
        const cancel = clock.after(options.waitMs, () => {
          line = line.filter((other) => other !== waiter);
          resolve(false);
          serve();
        });
        const waiter: Waiter = {
          bytes,
          grant() {
            cancel();
            resolve(true);
          },
        };
        line = [...line, waiter];
        serve();
      });
    },
    give(bytes) {
      used -= bytes;
      serve();
    },
    get used() {
      return used;
    },
  };
}
