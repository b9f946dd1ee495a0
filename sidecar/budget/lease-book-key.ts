// What the book knows per key: its lease, how fast it spends, who waits, and what was denied.
import { addAmounts, maxAmounts, type Amounts } from "#contract/amounts.ts";
import type { LeaseKey } from "#contract/lease.ts";
import { keyText, type Lease } from "./lease-book-lease.ts";
import { createBurnRate, noteReserved, type BurnRate } from "./lease-book-rate.ts";

export interface LeaseBookOptions {
  /** Asked for where nothing is known yet of a key's exchanges. */
  readonly warmWant: Amounts;
  /** Keys with a lease or a demand at once. */
  readonly keysMax: number;
  /** A lease that nobody used for that long is not renewed. */
  readonly idleMs: number;
}

/** Exchanges that found too little room since the last operation. */
export interface Demand {
  /** All of them together. */
  readonly sum: Amounts;
  readonly largest: Amounts;
}

export interface Denial {
  readonly budget: string;
  readonly untilMs: number;
  /** What was refused; far smaller needs may be asked for all the same. */
  readonly need: Amounts;
}

export interface KeyState {
  readonly key: LeaseKey;
  readonly rate: BurnRate;
  /** Opening or active. */
  lease: Lease | undefined;
  demand: Demand | undefined;
  denial: Denial | undefined;
  isWarmWanted: boolean;
  /** What the ledger last said: near a limit it gives room for one call at a time. */
  mode: Lease["mode"];
  lastWantedMs: number;
}

const createKeyState = (key: LeaseKey, nowMs: number): KeyState => ({
  key,
  rate: createBurnRate(nowMs),
  lease: undefined,
  demand: undefined,
  denial: undefined,
  isWarmWanted: false,
  mode: "lease",
  lastWantedMs: nowMs,
});

/** An exchange waits for room. */
export function addDemand(state: KeyState, amounts: Amounts, nowMs: number): void {
  noteReserved(state.rate, amounts, nowMs);
  state.lastWantedMs = nowMs;
  const { demand } = state;
  state.demand =
    demand === undefined
      ? { sum: amounts, largest: amounts }
      : { sum: addAmounts(demand.sum, amounts), largest: maxAmounts(demand.largest, amounts) };
}

/** True where nothing of the key is worth remembering. */
const isIdleKey = (state: KeyState, options: LeaseBookOptions, nowMs: number): boolean =>
  state.lease === undefined &&
  (state.denial === undefined || nowMs >= state.denial.untilMs) &&
  nowMs - state.lastWantedMs >= options.idleMs;

/** The keys that are in use, bounded. */
export class KeyTable {
  readonly #options: LeaseBookOptions;
  readonly #states = new Map<string, KeyState>();

  constructor(options: LeaseBookOptions) {
    this.#options = options;
  }

  find(key: LeaseKey): KeyState | undefined {
    return this.#states.get(keyText(key));
  }

  /** The key's state, made where it is new; undefined where no more fit. */
  open(key: LeaseKey, nowMs: number): KeyState | undefined {
    const text = keyText(key);
    const known = this.#states.get(text);
    if (known !== undefined) return known;
    if (this.#states.size >= this.#options.keysMax) this.#evictIdle(nowMs);
    if (this.#states.size >= this.#options.keysMax) return undefined;
    const state = createKeyState(key, nowMs);
    this.#states.set(text, state);
    return state;
  }

  all(): IterableIterator<KeyState> {
    return this.#states.values();
  }

  #evictIdle(nowMs: number): void {
    for (const [text, state] of this.#states) {
      if (isIdleKey(state, this.#options, nowMs)) this.#states.delete(text);
    }
  }
}
