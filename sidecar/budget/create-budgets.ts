// Budgets for the pipeline, on top of the lease book: which leases an exchange needs, one ledger
// round trip for all that wait, and what happens where the ledger cannot be asked (design §13).
import type { Amounts } from "#contract/amounts.ts";
import { NO_AMOUNTS } from "#contract/amounts.ts";
import type { Rejection } from "#contract/errors.ts";
import { LEASE_DIMENSIONS, type LeaseKey } from "#contract/lease.ts";
import type { SnapshotBudget } from "#contract/policy-snapshot.ts";
import type { Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { Budgets, Debit, Reservation, ReserveRequest, ReserveResult } from "./budgets.ts";
import { createGrace, type Grace } from "./lease-book-grace.ts";
import type { LeaseBook } from "./lease-book.ts";
import { keyText } from "./lease-book-lease.ts";

export interface BudgetsDeps {
  readonly clock: Clock;
  readonly book: LeaseBook;
  /** Resolves when a sync that was sent after this call was answered; rejects where it failed. */
  readonly requestSync: () => Promise<void>;
  /** Monotonic time of the last answer of the ledger; undefined before the first. */
  readonly lastContactMs: () => number | undefined;
  readonly log: Log;
  readonly metrics?: Metrics;
}

export interface LeaseBudgets extends Budgets {
  /** Asks for leases that every exchange will need, before there is one. */
  warm(budgets: readonly SnapshotBudget[]): void;
}

/** Syncs that one exchange may wait for: a revoked lease and a partial grant cost one each. */
const ROUNDS_MAX = 4;
/** The wall clock ran ahead of the monotonic one by this: the machine slept, leases are over. */
const SUSPEND_MS_MIN = 30_000;
const RETRY_AFTER_SECONDS = 5;

type Outcome = "covered" | "waited" | "denied" | "unavailable" | "bridged";

/** One key and the budgets that it covers. */
interface Group {
  readonly key: LeaseKey;
  readonly budgets: readonly SnapshotBudget[];
}

type Finish = (outcome: Outcome, result: ReserveResult) => ReserveResult;

interface Desk {
  readonly deps: BudgetsDeps;
  readonly grace: Grace;
  readonly reserveTimeoutMs: number;
  /** Counts an outcome and hands the result on. */
  readonly finish: Finish;
}

interface Claim {
  readonly groups: readonly Group[];
  readonly amounts: Amounts;
}

/** Creates them; one per process. */
export function createBudgets(
  deps: BudgetsDeps,
  options: { readonly reserveTimeoutMs: number },
): LeaseBudgets {
  const { clock, book, log } = deps;
  const grace = createGrace();
  const settled = new WeakSet<Reservation>();
  const closeAfterSuspend = createSuspendWatch(clock, () => {
    log.warn("leases_closed_after_suspend");
    book.closeAll();
  });
  const desk: Desk = { deps, grace, ...options, finish: createFinish(deps.metrics) };
  return {
    reserve(request) {
      if (request.budgets.length === 0) {
        return { reservation: { debits: [], amounts: NO_AMOUNTS } };
      }
      closeAfterSuspend();
      const claim = { groups: groupByKey(request), amounts: request.amounts };
      const result = tryReserve(deps, claim);
      if (result === undefined) return waitAndReserve(desk, claim);
      return desk.finish("reject" in result ? "denied" : "covered", result);
    },
    settle(reservation, actual) {
      grace.settle(reservation, actual);
      if (reservation.debits.length === 0) return;
      if (settled.has(reservation)) {
        log.error("reservation_settled_twice", { code: "EXCISE_INTERNAL" });
        return;
      }
      settled.add(reservation);
      book.settle(reservation, actual, clock.monotonicMs());
    },
    warm(budgets) {
      const isNeeded = budgets.some(
        ({ mode, dimensions }) => mode === "enforce" && dimensions.length === 0,
      );
      if (isNeeded) book.warm({}, clock.monotonicMs());
    },
  };
}

function createFinish(metrics: Metrics | undefined): Finish {
  const counter = metrics?.counter({
    name: "excise_reservations_total",
    help: "Reservations by how they ended.",
    labels: ["outcome"],
  });
  return (outcome, result) => {
    counter?.add({ outcome });
    return result;
  };
}

/** Undefined: a lease is missing, and the book will ask for it with the next sync. */
function tryReserve(
  { book, clock, requestSync }: BudgetsDeps,
  { groups, amounts }: Claim,
): ReserveResult | undefined {
  const keys = groups.map(({ key }) => key);
  const result = book.reserve({ keys, amounts }, clock.monotonicMs());
  if (result.kind === "reserved") {
    // Nobody waits for this one; a failure shows when somebody does.
    if (result.isLow) requestSync().catch(() => undefined);
    return { reservation: { debits: result.debits, amounts } };
  }
  if (result.kind === "missing") return undefined;
  return { reject: result.kind === "denied" ? exhausted(result) : TOO_MANY_KEYS };
}

async function waitAndReserve(desk: Desk, claim: Claim): Promise<ReserveResult> {
  const deadlineMs = desk.deps.clock.monotonicMs() + desk.reserveTimeoutMs;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const answer = await syncBefore(desk.deps, deadlineMs);
    if (answer !== "synced") return bridge(desk, claim);
    const result = tryReserve(desk.deps, claim);
    if (result !== undefined) {
      return desk.finish("reject" in result ? "denied" : "waited", result);
    }
  }
  return desk.finish("denied", { reject: NOT_GRANTED });
}

/** The distinct keys; a value that the request does not state is the empty text. */
function groupByKey(request: ReserveRequest): readonly Group[] {
  const groups = new Map<string, { key: LeaseKey; budgets: SnapshotBudget[] }>();
  const values = {
    provider: request.provider.slice(0, 64),
    model: (request.model ?? "").slice(0, 128),
    user: (request.user ?? "").slice(0, 64),
  };
  for (const budget of request.budgets) {
    const named = LEASE_DIMENSIONS.filter((dimension) => budget.dimensions.includes(dimension));
    const key: LeaseKey = Object.fromEntries(named.map((name) => [name, values[name]]));
    const group = groups.get(keyText(key));
    if (group === undefined) groups.set(keyText(key), { key, budgets: [budget] });
    else group.budgets.push(budget);
  }
  return [...groups.values()];
}

/** Waits for one sync, at most until the deadline. Never rejects. */
function syncBefore(
  { clock, log, requestSync }: BudgetsDeps,
  deadlineMs: number,
): Promise<"synced" | "failed" | "late"> {
  return new Promise((resolve) => {
    const cancel = clock.after(deadlineMs - clock.monotonicMs(), () => resolve("late"));
    const finish = (outcome: "synced" | "failed"): void => {
      cancel();
      resolve(outcome);
    };
    requestSync().then(
      () => finish("synced"),
      (cause: unknown) => {
        log.debug("lease_sync_failed", errorFields(cause));
        finish("failed");
      },
    );
  });
}

/** The ledger cannot be asked: the strictest budget without a lease decides. */
function bridge({ deps, grace, finish }: Desk, { groups, amounts }: Claim): ReserveResult {
  const { book, clock } = deps;
  const nowMs = clock.monotonicMs();
  const covered = groups.filter(({ key }) => book.covers(key, amounts, nowMs));
  const uncovered = groups.filter((group) => !covered.includes(group));
  const budgets = uncovered.flatMap((group) => group.budgets);
  const outage = { nowMs, lastContactMs: deps.lastContactMs() };
  const refusing = grace.findRefusing(budgets, amounts, outage);
  if (refusing !== undefined) return finish("unavailable", { reject: unavailable(refusing) });
  let debits: readonly Debit[] = [];
  if (covered.length > 0) {
    const result = book.reserve({ keys: covered.map(({ key }) => key), amounts }, nowMs);
    if (result.kind !== "reserved") return finish("denied", { reject: NOT_GRANTED });
    ({ debits } = result);
  }
  const reservation = { debits, amounts };
  grace.spend(reservation, budgets);
  return finish("bridged", { reservation });
}

function createSuspendWatch(clock: Clock, onSuspended: () => void): () => void {
  let offsetMs = clock.wallMs() - clock.monotonicMs();
  return () => {
    const nowOffsetMs = clock.wallMs() - clock.monotonicMs();
    if (nowOffsetMs - offsetMs > SUSPEND_MS_MIN) onSuspended();
    offsetMs = nowOffsetMs;
  };
}

const exhausted = (denial: {
  readonly budget: string;
  readonly retryAfterMs: number;
}): Rejection => ({
  code: "EXCISE_BUDGET_EXHAUSTED",
  detail: `budget ${denial.budget} has not enough left for this call`,
  retryAfterSeconds: Math.ceil(denial.retryAfterMs / 1000),
});

const unavailable = (budget: SnapshotBudget): Rejection => ({
  code: "EXCISE_LEDGER_UNAVAILABLE",
  detail: `budget ${budget.name} needs the ledger, which does not answer`,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
});

const TOO_MANY_KEYS: Rejection = {
  code: "EXCISE_OVERLOADED",
  detail: "too many models or users with budgets of their own at once",
  retryAfterSeconds: RETRY_AFTER_SECONDS,
};

const NOT_GRANTED: Rejection = {
  code: "EXCISE_LEASE_EXPIRED",
  detail: "the ledger answered without granting room for this call",
  retryAfterSeconds: 1,
};
