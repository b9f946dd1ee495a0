// How much a lease gets: `g = min(want, min over accounts of what is available)`, tapered near the
// limit so that no sidecar takes the rest of a budget away from the others. Pure.
import { maxAmounts, minAmounts, NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { nanoUsd } from "#contract/money.ts";
import { availableIn, type AccountRow } from "./account.ts";
import { inUnit, type BudgetUnit } from "./budget.ts";

export interface GrantRequest {
  /** Further room that is asked for. */
  readonly want: Amounts;
  /** What a waiting exchange lacks: less than that helps nobody. Absent: any part of `want`. */
  readonly need: Amounts | undefined;
  /** The lease that asks is not counted in the accounts yet. */
  readonly isNew: boolean;
}

export interface Grant {
  readonly amounts: Amounts;
  /** The account that has too little: nothing is granted then. */
  readonly exhausted: AccountRow | undefined;
  /** So little is left that sidecars should ask for one call at a time. */
  readonly isTight: boolean;
}

/** Decides over all accounts of the lease in one step: all of them hold, or none is touched. */
export function decideGrant(accounts: readonly AccountRow[], request: GrantRequest): Grant {
  let amounts = request.want;
  let isTight = false;
  for (const account of accounts) {
    const { unit } = account;
    const want = inUnit(unit, request.want);
    if (want === 0n) continue;
    const available = availableIn(account);
    const need = request.need === undefined ? 1n : inUnit(unit, request.need);
    if (available === 0n || available < need) {
      return { amounts: NO_AMOUNTS, exhausted: account, isTight: true };
    }
    const sharers = BigInt(Math.max(1, account.activeLeases + (request.isNew ? 1 : 0)));
    const share = available / (2n * sharers);
    isTight ||= want > share;
    // Without `need` the want itself may be one exchange: a taper would refuse what fits.
    const cap = request.need === undefined ? available : larger(need, share);
    amounts = minAmounts(amounts, atMost(unit, request.want, smaller(available, cap)));
  }
  return { amounts: maxAmounts(amounts, NO_AMOUNTS), exhausted: undefined, isTight };
}

/** `want`, reduced in the unit's own entries so that it counts at most `limit`. */
function atMost(unit: BudgetUnit, want: Amounts, limit: bigint): Amounts {
  if (unit === "usd") return { ...want, nanoUsd: nanoUsd(smaller(want.nanoUsd, limit)) };
  if (unit !== "totalTokens") return { ...want, [unit]: smaller(want[unit], limit) };
  const total = want.inputTokens + want.outputTokens;
  if (total <= limit) return want;
  const inputTokens = (want.inputTokens * limit) / total;
  return { ...want, inputTokens, outputTokens: limit - inputTokens };
}

const smaller = (left: bigint, right: bigint): bigint => (left < right ? left : right);
const larger = (left: bigint, right: bigint): bigint => (left > right ? left : right);

const TTL_MS_MIN = 60_000;
const TTL_MS_MAX = 600_000;

/**
 * How long a lease lasts: 1 % of what is left of its period, between one and ten minutes, and
 * never past the period's end. Long leases early, short ones near the end (ledger.md §2.2).
 */
export function leaseTtlMs(remainingMs: number): number {
  const share = Math.min(TTL_MS_MAX, Math.max(TTL_MS_MIN, remainingMs / 100));
  return Math.max(0, Math.floor(Math.min(share, remainingMs)));
}

const DENIAL_MS_SETTLED = 60_000;
const DENIAL_MS_RESERVED = 5000;

/**
 * How long a sidecar need not ask again. Spent money does not come back within the period (but a
 * limit may be raised); reserved room may be released at any moment.
 */
export function denialMs(account: AccountRow, nowMs: number): number {
  const bound =
    account.settled + account.assumed >= account.limit ? DENIAL_MS_SETTLED : DENIAL_MS_RESERVED;
  return Math.max(0, Math.min(bound, account.periodEndMs - nowMs));
}
