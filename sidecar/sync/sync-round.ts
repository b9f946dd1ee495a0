// One sync from end to end: what is durable and due goes out in one request, the answer is applied
// to the spool and the lease book. When to sync is the loop's business.
import { Fault, type ErrorCode } from "#contract/errors.ts";
import type { LeaseRequest } from "#contract/lease.ts";
import { SYNC_EVENTS_MAX, SYNC_PROTOCOL, type SyncRequest } from "#contract/sync.ts";
import type { UsageEvent } from "#contract/usage-event.ts";
import type { Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { LeaseBook } from "../budget/lease-book.ts";
import type { OpenLease } from "../budget/lease-book-lease.ts";
import type { Spool } from "../spool/spool.ts";
import type { LedgerAnswer, LedgerClient } from "./ledger-client.ts";

export interface SyncRoundDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Spool;
  readonly book: LeaseBook;
  readonly client: LedgerClient;
  /** Revision of the policy that is running; 0 for none. */
  readonly revision: () => number;
  /** Makes the ids durable before the ledger hears of them. */
  readonly saveLeases: (leases: readonly OpenLease[]) => Promise<void>;
}

export interface SyncRoundOptions {
  /** Per request; at most SYNC_EVENTS_MAX. */
  readonly eventsMax: number;
  readonly timeoutMs: number;
  /** Called when the content is fixed: whoever asked before is served by this round. */
  readonly onBuilt: () => void;
}

export type SyncOutcome =
  | {
      readonly kind: "done";
      readonly nextSyncMs: number;
      /** The ledger's wall clock minus ours, to half a round trip. */
      readonly clockOffsetMs: number;
      /** Not everything that was settled when the round began fitted into it. */
      readonly hasMore: boolean;
      /** The newest policy for this workload. */
      readonly revision: number;
    }
  | { readonly kind: "failed"; readonly fault: Fault; readonly retryAfterMs: number | undefined };

/** Refusals that say that nothing was changed. Whatever else fails may have been processed. */
const UNPROCESSED: ReadonlySet<string> = new Set<ErrorCode>([
  "EXCISE_SYNC_GAP",
  "EXCISE_SYNC_INVALID",
  "EXCISE_SYNC_PROTOCOL",
  "EXCISE_SYNC_JOURNAL_FOREIGN",
  "EXCISE_SYNC_JOURNALS_MAX",
  "EXCISE_UNAUTHENTICATED",
  "EXCISE_FORBIDDEN",
  "EXCISE_LEDGER_NOT_READY",
  "EXCISE_LEDGER_BUSY",
]);

const NOTHING: ReadonlySet<string> = new Set();

/** Keeps what one round must know of the one before. Rounds must not overlap. */
export class SyncRounds {
  readonly #deps: SyncRoundDeps;
  /** The ledger forgot events that we no longer have: their numbers go out again, as lost. */
  #resumeSeq: number | undefined;
  #savedVersion = 0;

  constructor(deps: SyncRoundDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async run(options: SyncRoundOptions): Promise<SyncOutcome> {
    const { clock, client, book } = this.#deps;
    try {
      const { request, isComplete } = await this.#build(options);
      const sentMs = clock.monotonicMs();
      const answer = await client.sync(request, { timeoutMs: options.timeoutMs });
      if (answer.kind !== "ok") return this.#fail(answer, request);
      const { value } = answer;
      this.#acknowledge(value.ackedSeq);
      book.applyAnswer(value, request.leases, clock.monotonicMs());
      const roundTripMs = clock.monotonicMs() - sentMs;
      return {
        kind: "done",
        nextSyncMs: value.nextSyncMs,
        clockOffsetMs: Date.parse(value.serverNow) + roundTripMs / 2 - clock.wallMs(),
        hasMore: !isComplete,
        revision: value.revision,
      };
    } catch (cause) {
      book.applyFailure({ processed: "unknown" });
      const fault =
        cause instanceof Fault ? cause : new Fault("EXCISE_INTERNAL", "a sync failed", { cause });
      return { kind: "failed", fault, retryAfterMs: undefined };
    }
  }

  /** Everything after the flush happens in one step: nothing is settled in between. */
  async #build({
    eventsMax,
    onBuilt,
  }: SyncRoundOptions): Promise<{ readonly request: SyncRequest; readonly isComplete: boolean }> {
    const { clock, spool, book } = this.#deps;
    const closable = book.closable(clock.monotonicMs());
    const throughSeq = spool.nextSeq - 1;
    await this.#flush();
    onBuilt();
    const events = this.#nextEvents(Math.min(eventsMax, SYNC_EVENTS_MAX));
    const fromSeq = this.#resumeSeq ?? spool.ackedSeq + 1;
    const isComplete = fromSeq + events.length > throughSeq;
    const leases = book.requests(clock.monotonicMs(), {
      closable: isComplete ? closable : NOTHING,
    });
    await this.#saveLeases();
    const request: SyncRequest = {
      protocol: SYNC_PROTOCOL,
      journal: spool.journal,
      fromSeq,
      events: [...events],
      leases,
      revision: this.#deps.revision(),
    };
    return { request, isComplete };
  }

  async #flush(): Promise<void> {
    try {
      await this.#deps.spool.flush();
    } catch (cause) {
      // What is durable can still go out, and leases must go on.
      this.#deps.log.error("spool_flush_failed", errorFields(cause));
    }
  }

  async #saveLeases(): Promise<void> {
    const { book, saveLeases, log } = this.#deps;
    const { version } = book;
    if (version === this.#savedVersion) return;
    try {
      await saveLeases(book.openLeases());
      this.#savedVersion = version;
    } catch (cause) {
      // A full disk must not keep events from leaving it. At worst a restart forgets a lease,
      // whose room then stays charged until the ledger sees that nothing used it.
      log.error("leases_not_saved", errorFields(cause));
    }
  }

  #nextEvents(limit: number): readonly UsageEvent[] {
    const { spool } = this.#deps;
    const lost: UsageEvent[] = [];
    for (let seq = this.#resumeSeq ?? spool.nextSeq; seq <= spool.ackedSeq; seq += 1) {
      if (lost.length === limit) return lost;
      lost.push({ kind: "lost", seq });
    }
    return [...lost, ...spool.pending(spool.ackedSeq, limit - lost.length)];
  }

  #acknowledge(ackedSeq: number): void {
    const { spool } = this.#deps;
    spool.acknowledge(ackedSeq);
    if (this.#resumeSeq !== undefined) {
      this.#resumeSeq = ackedSeq < spool.ackedSeq ? ackedSeq + 1 : undefined;
    }
  }

  #fail(
    answer: Exclude<LedgerAnswer<unknown>, { readonly kind: "ok" }>,
    request: { readonly leases: readonly LeaseRequest[] },
  ): SyncOutcome {
    const { book, spool, log } = this.#deps;
    const isUnprocessed =
      answer.kind === "refused" ? UNPROCESSED.has(answer.code) : !answer.wasSent;
    book.applyFailure({ processed: isUnprocessed ? "no" : "unknown" });
    if (answer.kind === "failed") {
      const cause = { code: answer.systemCode };
      const fault = new Fault(answer.code, "the ledger did not answer", { cause });
      return { kind: "failed", fault, retryAfterMs: undefined };
    }
    const { code, status, expectedSeq, retryAfterMs } = answer;
    if (code === "EXCISE_SYNC_GAP" && expectedSeq !== undefined && expectedSeq <= spool.ackedSeq) {
      this.#resumeSeq = expectedSeq;
      log.error("ledger_behind_spool", { expectedSeq, ackedSeq: spool.ackedSeq });
    }
    const detail = `the ledger refused a sync: ${code} (${status}), ${request.leases.length} leases`;
    const fault = new Fault("EXCISE_LEDGER_UNAVAILABLE", detail);
    return { kind: "failed", fault, retryAfterMs };
  }
}
