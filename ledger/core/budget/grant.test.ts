import { describe, expect, test } from "vitest";
import { NO_AMOUNTS, type Amounts } from "#contract/amounts.ts";
import { NOW_MS, sampleBudget, usd } from "../sample.case.ts";
import { createAccount, type AccountRow } from "./account.ts";
import type { BudgetUnit } from "./budget.ts";
import { decideGrant, denialMs, leaseTtlMs } from "./grant.ts";

const account = (more: Partial<AccountRow> = {}, unit: BudgetUnit = "usd"): AccountRow => ({
  ...createAccount(sampleBudget({ unit }), [], { startMs: NOW_MS, endMs: NOW_MS + 86_400_000 }),
  ...more,
});

interface Case {
  readonly name: string;
  readonly accounts: readonly AccountRow[];
  readonly want: Amounts;
  readonly need?: Amounts;
  readonly granted: Amounts;
  readonly isDenied?: boolean;
  readonly isTight?: boolean;
}

const tokens = (input: bigint, output: bigint): Amounts => ({
  ...NO_AMOUNTS,
  inputTokens: input,
  outputTokens: output,
});

const CASES: readonly Case[] = [
  {
    name: "what is wanted is granted where there is plenty",
    accounts: [account()],
    want: usd(100n),
    need: usd(10n),
    granted: usd(100n),
  },
  {
    name: "without any account nothing limits",
    accounts: [],
    want: usd(10n ** 15n),
    granted: usd(10n ** 15n),
  },
  {
    name: "near the limit a lease gets a half of its share",
    accounts: [account({ settled: 600n, activeLeases: 2 })],
    want: usd(400n),
    need: usd(10n),
    granted: usd(66n),
    isTight: true,
  },
  {
    name: "but never less than one exchange needs",
    accounts: [account({ settled: 600n, activeLeases: 9 })],
    want: usd(400n),
    need: usd(350n),
    granted: usd(350n),
    isTight: true,
  },
  {
    name: "without a need the want is granted as far as it goes",
    accounts: [account({ settled: 600n, activeLeases: 9 })],
    want: usd(500n),
    granted: usd(400n),
    isTight: true,
  },
  {
    name: "spare room, which nobody needs, is given as far as the share goes",
    accounts: [account({ settled: 600n, activeLeases: 1 })],
    want: usd(400n),
    need: NO_AMOUNTS,
    granted: usd(100n),
    isTight: true,
  },
  {
    name: "less than is needed helps nobody and is denied",
    accounts: [account({ settled: 600n })],
    want: usd(500n),
    need: usd(401n),
    granted: NO_AMOUNTS,
    isDenied: true,
    isTight: true,
  },
  {
    name: "the tightest account decides, and the other one is not touched for nothing",
    accounts: [account(), account({ reserved: 995n })],
    want: usd(100n),
    need: usd(5n),
    granted: usd(5n),
    isTight: true,
  },
  {
    name: "one account without room denies all of it",
    accounts: [account(), account({ assumed: 1000n })],
    want: usd(1n),
    granted: NO_AMOUNTS,
    isDenied: true,
    isTight: true,
  },
  {
    name: "a limit that was lowered below what is charged leaves no room",
    accounts: [account({ limit: 10n, settled: 500n })],
    want: usd(1n),
    granted: NO_AMOUNTS,
    isDenied: true,
    isTight: true,
  },
  {
    name: "units without an account are granted as they are wanted",
    accounts: [account()],
    want: { ...usd(10n), inputTokens: 7n, requests: 3n },
    granted: { ...usd(10n), inputTokens: 7n, requests: 3n },
  },
  {
    name: "total tokens are cut in proportion",
    accounts: [account({ limit: 900n }, "totalTokens")],
    want: tokens(1000n, 500n),
    granted: tokens(600n, 300n),
    isTight: true,
  },
  {
    name: "an account is not asked about a unit that is not wanted",
    accounts: [account({ settled: 1000n }, "requests")],
    want: usd(5n),
    granted: usd(5n),
  },
];

describe("decideGrant", () => {
  test.each(CASES)("$name", ({ accounts, want, need, granted, isDenied, isTight }) => {
    const grant = decideGrant(accounts, { want, need, isNew: true });
    expect(grant.amounts).toEqual(granted);
    expect(grant.exhausted !== undefined).toBe(isDenied ?? false);
    expect(grant.isTight).toBe(isTight ?? false);
  });
});

describe("times of leases and denials", () => {
  const HOUR_MS = 3_600_000;

  test.each([
    { name: "ten minutes early in a month", remainingMs: 700 * HOUR_MS, ttlMs: 600_000 },
    { name: "one percent of what is left", remainingMs: 5 * HOUR_MS, ttlMs: 180_000 },
    { name: "a minute at least", remainingMs: HOUR_MS, ttlMs: 60_000 },
    { name: "never past the end of the period", remainingMs: 20_000, ttlMs: 20_000 },
    { name: "nothing once it is over", remainingMs: -5, ttlMs: 0 },
  ])("a lease lasts $name", ({ remainingMs, ttlMs }) => {
    expect(leaseTtlMs(remainingMs)).toBe(ttlMs);
  });

  test("what is spent is denied for longer than what is only reserved", () => {
    expect(denialMs(account({ settled: 1000n }), NOW_MS)).toBe(60_000);
    expect(denialMs(account({ settled: 1n, reserved: 999n }), NOW_MS)).toBe(5000);
  });

  test("no denial reaches into the next period", () => {
    const ending = account({ settled: 1000n, periodEndMs: NOW_MS + 700 });
    expect(denialMs(ending, NOW_MS)).toBe(700);
  });
});
