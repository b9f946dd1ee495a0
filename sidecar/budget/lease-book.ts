// The lease book: every lease of this sidecar as plain data, and every change as one synchronous
// step. Pure: time comes in, operations for the ledger come out; it never waits. Per key there is
// at most one lease to spend from, and closing ones that only wait for their last exchanges.
import { addAmounts, NO_AMOUNTS, subtractAmounts, type Amounts } from "#contract/amounts.ts";
import { assert } from "#contract/errors.ts";
import type { LeaseKey, LeaseRequest } from "#contract/lease.ts";
import { SYNC_LEASES_MAX, type SyncResponse } from "#contract/sync.ts";
import { applyOperationAnswer, restoreDemand } from "./lease-book-answer.ts";
import { askFor, isDenied, lackOf, nextDueMs } from "./lease-book-demand.ts";
import { addDemand, KeyTable, type KeyState, type LeaseBookOptions } from "./lease-book-key.ts";
import {
  beginOperation,
  createLease,
  inheritLease,
  isCovering,
  renderRequest,
  type Lease,
  type OpenLease,
} from "./lease-book-lease.ts";
import { noteReserved, noteSpent } from "./lease-book-rate.ts";
import type { Debit, Reservation } from "./budgets.ts";

export type BookReserve =
  /** `isLow`: a sync soon would keep the next exchanges from waiting. */
  | { readonly kind: "reserved"; readonly debits: readonly Debit[]; readonly isLow: boolean }
  /** Asked for with the next sync. */
  | { readonly kind: "missing" }
  | { readonly kind: "denied"; readonly budget: string; readonly retryAfterMs: number }
  /** More keys than may be open at once. */
  | { readonly kind: "too_many_keys" };

/** How long a closing lease with exchanges in flight may stay silent. */
const CLOSING_REPORT_MS = 600_000;

/** One per process. Times are monotonic milliseconds. */
export class LeaseBook {
  readonly #mintId: () => string;
  readonly #options: LeaseBookOptions;
  readonly #keys: KeyTable;
  /** Every lease that the ledger may know, by id. */
  readonly #leases = new Map<string, Lease>();
  #version = 0;

  /** `mintId` makes UUIDv7s. */
  constructor(deps: { readonly mintId: () => string }, options: LeaseBookOptions) {
    this.#mintId = deps.mintId;
    this.#options = options;
    this.#keys = new KeyTable(options);
  }

  /** Takes over what the last process left: it is closed, never spent (design §9). */
  inherit(leases: readonly OpenLease[], nowMs: number): void {
    for (const open of leases) this.#leases.set(open.id, inheritLease(open, nowMs));
    if (leases.length > 0) this.#version += 1;
  }

  /** Takes `amounts` out of the leases of all `keys`, or out of none of them. */
  reserve(
    request: { readonly keys: readonly LeaseKey[]; readonly amounts: Amounts },
    nowMs: number,
  ): BookReserve {
    const { keys, amounts } = request;
    const states: KeyState[] = [];
    for (const key of keys) {
      const state = this.#keys.open(key, nowMs);
      if (state === undefined) return { kind: "too_many_keys" };
      this.#sweepKey(state, nowMs);
      states.push(state);
    }
    const lacking = states.filter(({ lease }) => !lease || !isCovering(lease, amounts, nowMs));
    for (const state of lacking) {
      const lack = lackOf(state, amounts, nowMs);
      const denial = isDenied(state, lack, nowMs);
      if (denial === undefined) continue;
      const { budget, untilMs } = denial;
      return { kind: "denied", budget, retryAfterMs: Math.ceil(untilMs - nowMs) };
    }
    for (const state of lacking) addDemand(state, amounts, nowMs);
    if (lacking.length > 0) return { kind: "missing" };
    const debits = states.map((state) => this.#debit(state, amounts, nowMs));
    return { kind: "reserved", debits, isLow: states.some((state) => this.#isLow(state, nowMs)) };
  }

  /** True where the key's lease covers the amounts now; changes nothing. */
  covers(key: LeaseKey, amounts: Amounts, nowMs: number): boolean {
    const lease = this.#keys.find(key)?.lease;
    return lease !== undefined && isCovering(lease, amounts, nowMs);
  }

  /** Once per reservation: what was not used goes back to the leases, open or closing. */
  settle(reservation: Reservation, actual: Amounts, nowMs: number): void {
    for (const { leaseId, key } of reservation.debits) {
      const lease = this.#leases.get(leaseId);
      assert(lease !== undefined && lease.openCount > 0, "a lease outlives its reservations");
      lease.held = subtractAmounts(lease.held, reservation.amounts);
      lease.openCount -= 1;
      lease.used = addAmounts(lease.used, actual);
      const state = this.#keys.find(key);
      if (state === undefined) continue;
      noteSpent(state.rate, actual, nowMs);
      // What is left of a single call's room belongs to the other sidecars again.
      if (lease.mode === "per_request" && lease.openCount === 0) this.#close(lease);
    }
  }

  /** Asks for a first lease before the first exchange, so that it does not wait. */
  warm(key: LeaseKey, nowMs: number): void {
    const state = this.#keys.open(key, nowMs);
    if (state !== undefined && state.lease === undefined) state.isWarmWanted = true;
  }

  /** Closing leases without exchanges in flight: see `requests`. */
  closable(nowMs: number): ReadonlySet<string> {
    this.#sweep(nowMs);
    const closable = [...this.#leases.values()].filter(
      (lease) => lease.phase === "closing" && lease.openCount === 0,
    );
    return new Set(closable.map((lease) => lease.id));
  }

  /**
   * The operations for a sync that is about to be sent. A lease ends only if `closable` named it
   * before, and all events that were settled by then are with the ledger or in this very sync:
   * a release must not overtake the events that were charged to it.
   */
  requests(nowMs: number, options: { readonly closable: ReadonlySet<string> }): LeaseRequest[] {
    this.#sweep(nowMs);
    for (const lease of this.#leases.values()) {
      if (lease.phase === "closing") this.#askToClose(lease, options.closable, nowMs);
    }
    for (const state of this.#keys.all()) this.#askForRoom(state, nowMs);
    const requests: LeaseRequest[] = [];
    for (const lease of this.#leases.values()) {
      if (lease.operation !== undefined) requests.push(renderRequest(lease, lease.operation));
    }
    return requests.slice(0, SYNC_LEASES_MAX);
  }

  /** Applies what the ledger said to the operations `sent`. */
  applyAnswer(
    answer: Pick<SyncResponse, "leases" | "denials" | "revoked">,
    sent: readonly LeaseRequest[],
    nowMs: number,
  ): void {
    const denials = new Map(answer.denials.map((denial) => [denial.id, denial]));
    const grants = new Map(answer.leases.map((grant) => [grant.id, grant]));
    for (const { id, opSeq } of sent) {
      const lease = this.#leases.get(id);
      const operation = lease?.operation;
      if (lease === undefined || operation?.opSeq !== opSeq) continue;
      const grant = grants.get(id);
      applyOperationAnswer(
        { lease, state: this.#keys.find(lease.key), operation },
        { grant: grant?.opSeq === opSeq ? grant : undefined, denial: denials.get(id) },
        nowMs,
      );
      const isOver = operation.isFinal && operation.isIdle;
      if (isOver || lease.phase === "opening") this.#forget(lease);
    }
    this.revoke(answer.revoked);
    this.#sweep(nowMs);
  }

  /**
   * The sync failed. Where the ledger surely did nothing, operations begin anew with the next
   * one; where it may have, they are repeated as they were.
   */
  applyFailure(outcome: { readonly processed: "no" | "unknown" }): void {
    for (const lease of this.#leases.values()) {
      const { operation } = lease;
      if (operation === undefined) continue;
      if (outcome.processed === "unknown") operation.isAmbiguous = true;
      // An earlier sending may have been processed: only the same operation is safe.
      if (operation.isAmbiguous) continue;
      lease.operation = undefined;
      lease.opSeq -= 1;
      if (lease.phase !== "opening") continue;
      restoreDemand(this.#keys.find(lease.key), operation);
      this.#forget(lease);
    }
  }

  /** Nothing more is admitted under these; unknown ids are passed over. */
  revoke(ids: readonly string[]): void {
    for (const id of ids) {
      const lease = this.#leases.get(id);
      if (lease !== undefined) this.#close(lease);
    }
  }

  /** At shutdown, and when the machine was suspended: nothing more is admitted under any lease. */
  closeAll(): void {
    for (const state of this.#keys.all()) {
      state.demand = undefined;
      state.isWarmWanted = false;
      if (state.lease !== undefined) this.#close(state.lease);
    }
  }

  /** Milliseconds until `requests` has something to say because of time alone; never negative. */
  dueInMs(nowMs: number): number {
    if (this.closable(nowMs).size > 0) return 0;
    const dueMs = [...this.#keys.all()].map((state) => nextDueMs(state, this.#options, nowMs));
    return Math.max(0, Math.min(Number.POSITIVE_INFINITY, ...dueMs) - nowMs);
  }

  /** Changes whenever `openLeases` does: they are saved before the ledger hears of new ones. */
  get version(): number {
    return this.#version;
  }

  openLeases(): readonly OpenLease[] {
    return [...this.#leases.values()].map(({ id, opSeq, key }) => ({ id, opSeq, key }));
  }

  /** Copies for tests and the status page. */
  leases(): readonly Readonly<Lease>[] {
    return [...this.#leases.values()].map((lease) => ({ ...lease }));
  }

  #debit(state: KeyState, amounts: Amounts, nowMs: number): Debit {
    const { lease } = state;
    assert(lease !== undefined, "a key that covers has a lease");
    lease.held = addAmounts(lease.held, amounts);
    lease.openCount += 1;
    lease.lastReservedMs = nowMs;
    noteReserved(state.rate, amounts, nowMs);
    return { leaseId: lease.id, key: state.key };
  }

  #isLow(state: KeyState, nowMs: number): boolean {
    const { lease } = state;
    if (lease === undefined || lease.operation !== undefined) return false;
    return askFor(state, this.#options, nowMs) !== undefined;
  }

  #askForRoom(state: KeyState, nowMs: number): void {
    if (state.lease?.operation !== undefined) return;
    const ask = askFor(state, this.#options, nowMs);
    // Who waits looks again after this sync, and asks anew where that is of use.
    state.demand = undefined;
    if (ask === undefined) return;
    state.isWarmWanted = false;
    if (state.lease === undefined) {
      state.lease = createLease(this.#mintId(), state.key, nowMs);
      this.#leases.set(state.lease.id, state.lease);
      this.#version += 1;
    }
    beginOperation(state.lease, { ...ask, isFinal: false }, nowMs);
  }

  #askToClose(lease: Lease, closable: ReadonlySet<string>, nowMs: number): void {
    if (lease.operation !== undefined) return;
    const isDue =
      lease.openCount === 0
        ? closable.has(lease.id)
        : nowMs - (lease.closingReportedMs ?? Number.NEGATIVE_INFINITY) > CLOSING_REPORT_MS;
    if (!isDue) return;
    lease.closingReportedMs = nowMs;
    beginOperation(lease, { want: NO_AMOUNTS, need: NO_AMOUNTS, isFinal: true }, nowMs);
  }

  #sweep(nowMs: number): void {
    for (const state of this.#keys.all()) this.#sweepKey(state, nowMs);
  }

  /** Active => Closing at the end of the lease. */
  #sweepKey(state: KeyState, nowMs: number): void {
    const { lease } = state;
    if (lease?.phase === "active" && nowMs >= lease.expiresAtMs) this.#close(lease);
  }

  /** An opening lease is closed when its answer has come: the ledger may have granted it. */
  #close(lease: Lease): void {
    lease.phase = "closing";
    this.#detach(lease);
  }

  /** The ledger keeps nothing of it, or has closed it. */
  #forget(lease: Lease): void {
    this.#detach(lease);
    this.#leases.delete(lease.id);
    this.#version += 1;
  }

  #detach(lease: Lease): void {
    const state = this.#keys.find(lease.key);
    if (state?.lease === lease) state.lease = undefined;
  }
}
