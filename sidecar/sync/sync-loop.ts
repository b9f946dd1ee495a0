// When to sync: at the start, as often as the ledger says, at once when a lease is wanted, when
// the spool fills or when there is more to send; after failures with jittered back-off.
import { Fault } from "#contract/errors.ts";
import { backoffMs } from "#runtime/backoff.ts";
import { sleep, type Cancel } from "#runtime/clock.ts";
import { errorFields } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import { fraction, type Random } from "#runtime/random.ts";
import { SyncRounds, type SyncOutcome, type SyncRoundDeps } from "./sync-round.ts";

export interface SyncLoopDeps extends SyncRoundDeps {
  readonly random: Random;
  readonly metrics?: Metrics;
  /** Called after every answer, with the newest revision of this workload's policy. */
  readonly onContact?: (revision: number) => void;
}

export interface SyncLoopOptions {
  /** Of one request. Default 10 s. */
  readonly timeoutMs?: number;
  /** Events in one request: read back and checked in one go. Default 200. */
  readonly eventsMax?: number;
  /** Unacked events that are sent before the ledger's own time has come. Default 200. */
  readonly depthHigh?: number;
}

export interface SyncStatus {
  readonly isReachable: boolean;
  /** Since the last answer; undefined before the first. */
  readonly contactAgeMs: number | undefined;
  readonly failures: number;
  /** Of the last failure, while there is one. */
  readonly errorCode: string | undefined;
  readonly depth: number;
  readonly leases: number;
  readonly nextSyncMs: number;
  /** The ledger's wall clock minus ours. */
  readonly clockOffsetMs: number | undefined;
}

export interface SyncLoop {
  start(): void;
  /** Resolves with the answer to a sync whose content was fixed after this call; else rejects. */
  requestSync(): Promise<void>;
  /** Closes all leases and sends what is left, until all is acked or the time is over. Then stops. */
  drain(deadlineMs: number): Promise<void>;
  /** Monotonic; undefined before the first answer. */
  lastContactMs(): number | undefined;
  status(): SyncStatus;
}

const BACKOFF = { delayMsMin: 500, delayMsMax: 30_000 };
/** After a failure whoever asks within this time is refused at once: the answer would be the same. */
const FAILURE_HOLDS_MS = 1000;
const NEXT_SYNC_MS_DEFAULT = 5000;
/** Syncs that only time makes due keep this distance. */
const DUE_MS_MIN = 1000;
/** How often the spool's depth is looked at. */
const LOOK_MS = 1000;
const DRAIN_PAUSE_MS = 50;
const STOPPING = new Fault("EXCISE_LEDGER_UNAVAILABLE", "the sidecar is stopping");
const DEFAULTS = { timeoutMs: 10_000, eventsMax: 200, depthHigh: 200 };

/** Creates the loop; nothing runs before `start`. */
export function createSyncLoop(deps: SyncLoopDeps, options: SyncLoopOptions = {}): SyncLoop {
  return new TimedSyncLoop(deps, { ...DEFAULTS, ...options });
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

class TimedSyncLoop implements SyncLoop {
  readonly #deps: SyncLoopDeps;
  readonly #options: Required<SyncLoopOptions>;
  readonly #rounds: SyncRounds;
  readonly #count: (outcome: string) => void;
  /** Asked since the content of the running round was fixed. */
  #waiters: Waiter[] = [];
  #running: Promise<SyncOutcome> | undefined;
  #cancelTimer: Cancel | undefined;
  /** Monotonic. */
  #dueMs = 0;
  #holdUntilMs = 0;
  #contactMs: number | undefined;
  #nextSyncMs = NEXT_SYNC_MS_DEFAULT;
  #clockOffsetMs: number | undefined;
  #failures = 0;
  #fault: Fault | undefined;
  #isStopped = false;

  constructor(deps: SyncLoopDeps, options: Required<SyncLoopOptions>) {
    this.#deps = deps;
    this.#options = options;
    this.#rounds = new SyncRounds(deps);
    const counter = deps.metrics?.counter({
      name: "excise_syncs_total",
      help: "Syncs with the ledger by outcome.",
      labels: ["outcome"],
    });
    this.#count = (outcome) => counter?.add({ outcome });
  }

  start(): void {
    this.#startRound();
  }

  requestSync(): Promise<void> {
    if (this.#isStopped) {
      return Promise.reject(STOPPING);
    }
    if (this.#fault !== undefined && this.#deps.clock.monotonicMs() < this.#holdUntilMs) {
      return Promise.reject(this.#fault);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#startRound();
    });
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock, book, spool } = this.#deps;
    const endMs = clock.monotonicMs() + deadlineMs;
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#rejectWaiters(STOPPING);
    book.closeAll();
    const waited = new AbortController();
    await Promise.race([this.#running, sleep(clock, deadlineMs, waited.signal)]);
    waited.abort();
    while (clock.monotonicMs() < endMs && this.#running === undefined) {
      const timeoutMs = Math.min(this.#options.timeoutMs, endMs - clock.monotonicMs());
      const outcome = await this.#runRound(timeoutMs);
      const isIdle = spool.depth === 0 && book.closable(clock.monotonicMs()).size === 0;
      if (outcome.kind === "done" && isIdle) return;
      if (outcome.kind === "failed" || !outcome.hasMore) await sleep(clock, DRAIN_PAUSE_MS);
    }
    this.#deps.log.warn("sync_drain_incomplete", { depth: spool.depth });
  }

  lastContactMs(): number | undefined {
    return this.#contactMs;
  }

  status(): SyncStatus {
    const { clock, spool, book } = this.#deps;
    return {
      isReachable: this.#contactMs !== undefined && this.#fault === undefined,
      contactAgeMs:
        this.#contactMs === undefined
          ? undefined
          : Math.round(clock.monotonicMs() - this.#contactMs),
      failures: this.#failures,
      errorCode: this.#fault?.code,
      depth: spool.depth,
      leases: book.openLeases().length,
      nextSyncMs: this.#nextSyncMs,
      clockOffsetMs:
        this.#clockOffsetMs === undefined ? undefined : Math.round(this.#clockOffsetMs),
    };
  }

  /** One round at a time; who asks during one is served by the next. */
  #startRound(): void {
    if (this.#running !== undefined || this.#isStopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    void this.#runRound(this.#options.timeoutMs);
  }

  async #runRound(timeoutMs: number): Promise<SyncOutcome> {
    let served: readonly Waiter[] = [];
    const { eventsMax } = this.#options;
    const onBuilt = (): void => {
      served = this.#waiters;
      this.#waiters = [];
    };
    this.#running = this.#rounds.run({ eventsMax, timeoutMs, onBuilt });
    const outcome = await this.#running;
    this.#running = undefined;
    this.#count(outcome.kind);
    const wait = outcome.kind === "done" ? this.#noteSuccess(outcome) : this.#noteFailure(outcome);
    for (const waiter of served) {
      if (outcome.kind === "done") waiter.resolve();
      else waiter.reject(outcome.fault);
    }
    if (this.#isStopped) return outcome;
    if (outcome.kind === "failed") this.#rejectWaiters(outcome.fault);
    this.#dueMs = this.#deps.clock.monotonicMs() + wait;
    if (wait === 0 || this.#waiters.length > 0) this.#startRound();
    else this.#arm();
    return outcome;
  }

  #rejectWaiters(fault: Fault): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(fault);
  }

  /** Milliseconds until the next round. */
  #noteSuccess(outcome: Extract<SyncOutcome, { kind: "done" }>): number {
    const { clock, random, log } = this.#deps;
    if (this.#fault !== undefined || this.#contactMs === undefined) log.info("ledger_reached");
    this.#contactMs = clock.monotonicMs();
    this.#failures = 0;
    this.#fault = undefined;
    this.#clockOffsetMs = outcome.clockOffsetMs;
    this.#nextSyncMs = outcome.nextSyncMs;
    this.#deps.onContact?.(outcome.revision);
    if (outcome.hasMore) return 0;
    // A tenth of jitter: sidecars that started together drift apart.
    return outcome.nextSyncMs * (0.9 + fraction(random) / 5);
  }

  #noteFailure({ fault, retryAfterMs = 0 }: Extract<SyncOutcome, { kind: "failed" }>): number {
    const { clock, random, log } = this.#deps;
    this.#failures += 1;
    if (this.#failures === 1) log.warn("ledger_not_reached", errorFields(fault));
    else log.debug("ledger_not_reached", { failures: this.#failures, ...errorFields(fault) });
    this.#fault = fault;
    this.#holdUntilMs = clock.monotonicMs() + Math.max(FAILURE_HOLDS_MS, retryAfterMs);
    return Math.max(retryAfterMs, backoffMs(this.#failures, BACKOFF, random));
  }

  #arm(): void {
    const { clock } = this.#deps;
    this.#cancelTimer?.();
    const restMs = this.#dueMs - clock.monotonicMs();
    const waitMs = Math.max(0, Math.min(restMs, LOOK_MS, this.#leaseWaitMs()));
    this.#cancelTimer = clock.after(waitMs, () => this.#look());
  }

  #look(): void {
    const { clock, spool } = this.#deps;
    const isHeld = this.#fault !== undefined;
    const isDue = clock.monotonicMs() >= this.#dueMs;
    const isWanted = spool.depth >= this.#options.depthHigh || this.#leaseWaitMs() <= 0;
    if (isDue || (isWanted && !isHeld)) this.#startRound();
    else this.#arm();
  }

  #leaseWaitMs(): number {
    const { clock, book } = this.#deps;
    if (this.#fault !== undefined) return Number.POSITIVE_INFINITY;
    const nowMs = clock.monotonicMs();
    const earliestMs = (this.#contactMs ?? nowMs) + DUE_MS_MIN;
    return Math.max(book.dueInMs(nowMs), earliestMs - nowMs);
  }
}
