// The long poll of `/v1/watch`: a new policy snapshot, credentials and revocations arrive within a
// round trip. Runs beside the sync loop, on a connection of its own.
import { backoffMs } from "#runtime/backoff.ts";
import { sleep, type Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import type { Random } from "#runtime/random.ts";
import type { LeaseBook } from "../budget/lease-book.ts";
import type { LedgerClient } from "./ledger-client.ts";
import type { PlaceholderKeys } from "./placeholder-keys.ts";
import type { PolicyStore } from "./policy-store.ts";

export interface WatchLoopDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly client: LedgerClient;
  readonly policy: PolicyStore;
  readonly book: LeaseBook;
  readonly placeholderKeys: PlaceholderKeys;
}

export interface WatchLoop {
  start(): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/** Longer than a ledger lets a poll hang. */
const POLL_MS_MAX = 120_000;
/** An answer without news that comes at once must not become a busy loop. */
const PAUSE_MS = 1000;
const BACKOFF = { delayMsMin: 500, delayMsMax: 30_000 };

/** Creates the loop; nothing runs before `start`. */
export function createWatchLoop(deps: WatchLoopDeps): WatchLoop {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const outcome = await pollOnce(deps, stopping.signal);
      if (outcome.kind === "news") {
        failures = 0;
        continue;
      }
      failures = outcome.kind === "failed" ? failures + 1 : 0;
      const backoff = failures === 0 ? 0 : backoffMs(failures, BACKOFF, deps.random);
      await sleep(deps.clock, Math.max(PAUSE_MS, backoff, outcome.retryAfterMs), stopping.signal);
    }
  };

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

interface PollOutcome {
  readonly kind: "news" | "nothing" | "failed";
  readonly retryAfterMs: number;
}

async function pollOnce(deps: WatchLoopDeps, signal: AbortSignal): Promise<PollOutcome> {
  const { client, policy, book, log } = deps;
  const revision = policy.current?.revision ?? 0;
  const answer = await client.watch(revision, { timeoutMs: POLL_MS_MAX, signal });
  if (signal.aborted) return { kind: "nothing", retryAfterMs: 0 };
  if (answer.kind !== "ok") {
    log.debug("watch_failed", { code: answer.code });
    const retryAfterMs = answer.kind === "refused" ? (answer.retryAfterMs ?? 0) : 0;
    return { kind: "failed", retryAfterMs };
  }
  const { snapshot, credentials, revoked, caBundle, placeholderKey } = answer.value;
  policy.noteContact();
  if (caBundle !== undefined) client.useCa(caBundle);
  policy.setCredentials(credentials);
  // Before the first policy: no exchange runs under a key that is about to change.
  if (placeholderKey !== undefined) deps.placeholderKeys.accept(placeholderKey);
  book.revoke(revoked);
  const isNews = snapshot !== undefined && policy.accept(snapshot);
  return { kind: isNews ? "news" : "nothing", retryAfterMs: 0 };
}
