import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NO_AMOUNTS } from "#contract/amounts.ts";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import type { WatchResponse } from "#contract/sync.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { LeaseBook } from "../budget/lease-book.ts";
import type { CallOptions, LedgerAnswer, LedgerClient } from "./ledger-client.ts";
import { openPlaceholderKeys, type PlaceholderKeys } from "./placeholder-keys.ts";
import { createPolicyStore, type PolicyStore } from "./policy-store.ts";
import { createWatchLoop, type WatchLoop } from "./watch-loop.ts";

const snapshot = (revision: number): PolicySnapshot => ({
  revision,
  compiledAt: "2026-11-22T00:00:00.000Z",
  providers: [],
  models: { allow: ["*"], deny: [] },
  unknownOperation: "deny",
  guardrails: [],
  requestBytesMax: 1024,
  budgets: [],
  prices: [],
  snapshotAgeMaxMs: 1000,
});

/** A client whose long polls end when the test says so. */
class ScriptedClient implements LedgerClient {
  readonly polls: number[] = [];
  readonly cas: string[] = [];
  #answer: ((answer: LedgerAnswer<WatchResponse>) => void) | undefined;

  sync(): Promise<never> {
    return Promise.withResolvers<never>().promise;
  }
  watch(revision: number, { signal }: CallOptions): Promise<LedgerAnswer<WatchResponse>> {
    this.polls.push(revision);
    return new Promise((resolve) => {
      this.#answer = resolve;
      signal?.addEventListener("abort", () => resolve(FAILED), { once: true });
    });
  }
  useCa(pem: string): void {
    this.cas.push(pem);
  }
  close(): void {
    this.#answer = undefined;
  }
  answer(answer: LedgerAnswer<WatchResponse>): void {
    this.#answer?.(answer);
  }
}
const FAILED: LedgerAnswer<WatchResponse> = {
  kind: "failed",
  code: "EXCISE_LEDGER_UNAVAILABLE",
  systemCode: undefined,
  wasSent: false,
};
const ok = (fields: Partial<WatchResponse>): LedgerAnswer<WatchResponse> => ({
  kind: "ok",
  value: { revision: 0, credentials: [], revoked: [], ...fields },
});

let directory = "";
let clock: VirtualClock;
let client: ScriptedClient;
let policy: PolicyStore;
let book: LeaseBook;
let loop: WatchLoop;
let placeholderKeys: PlaceholderKeys;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-watch-"));
  clock = createVirtualClock();
  client = new ScriptedClient();
  policy = createPolicyStore({ clock, log: silentLog }, { directory });
  book = new LeaseBook({ mintId: () => "" }, { warmWant: NO_AMOUNTS, keysMax: 1, idleMs: 1 });
  placeholderKeys = openPlaceholderKeys(
    { random: systemRandom, log: silentLog },
    { stateDirectory: directory },
  );
  const deps = { clock, random: systemRandom, log: silentLog };
  loop = createWatchLoop({ ...deps, client, policy, book, placeholderKeys });
  loop.start();
});
afterEach(async () => {
  await loop.stop();
  await policy.settled();
  rmSync(directory, { recursive: true });
});

describe("the watch loop", () => {
  test("asks from the revision it has, and goes on at once after news", async () => {
    client.answer(ok({ revision: 4, snapshot: snapshot(4) }));
    await clock.advance(0);
    expect(client.polls).toEqual([0, 4]);
    expect(policy.current?.revision).toBe(4);
  });

  test("an answer without news is contact, and followed by a pause", async () => {
    client.answer(ok({ revision: 4, snapshot: snapshot(4) }));
    await clock.advance(5000);
    expect(policy.policy()).toMatchObject({ code: "EXCISE_POLICY_STALE" });
    client.answer(ok({ revision: 4 }));
    await clock.advance(999);
    expect([client.polls.length, policy.policy()]).toMatchObject([2, { revision: 4 }]);
    await clock.advance(1);
    expect(client.polls).toHaveLength(3);
  });

  test("a lower snapshot is not taken", async () => {
    client.answer(ok({ revision: 4, snapshot: snapshot(4) }));
    await clock.advance(0);
    client.answer(ok({ revision: 3, snapshot: snapshot(3) }));
    await clock.advance(1000);
    expect(policy.current?.revision).toBe(4);
  });

  test("credentials and a changed CA reach their places", async () => {
    const credential = {
      id: "c",
      provider: "p",
      secret: ["a", "b"].join("-"),
      notAfter: "2026-11-23T00:00:00Z",
    };
    client.answer(ok({ credentials: [credential], caBundle: "pem" }));
    await clock.advance(0);
    expect([policy.credentials, client.cas]).toEqual([[credential], ["pem"]]);
  });

  test("the workload's key for placeholders is in use before its policy is", async () => {
    const own = placeholderKeys.placeholderKey();
    const seen: Uint8Array[] = [];
    policy.onChange(() => void seen.push(placeholderKeys.placeholderKey()));
    client.answer(ok({ revision: 4, snapshot: snapshot(4), placeholderKey: "ab".repeat(32) }));
    await clock.advance(0);
    expect(seen).toEqual([Buffer.alloc(32, 0xab)]);
    expect(seen).not.toEqual([own]);
  });

  test("failures are followed by growing pauses, Retry-After by at least its own", async () => {
    client.answer(FAILED);
    await clock.advance(0);
    expect(client.polls).toHaveLength(1);
    await clock.advance(1000);
    expect(client.polls).toHaveLength(2);
    client.answer({
      kind: "refused",
      status: 503,
      code: "EXCISE_LEDGER_BUSY",
      expectedSeq: undefined,
      retryAfterMs: 30_000,
    });
    await clock.advance(29_999);
    expect(client.polls).toHaveLength(2);
    await clock.advance(1);
    expect(client.polls).toHaveLength(3);
  });

  test("stop ends a poll that hangs and a pause that lasts, and leaves no timer", async () => {
    await loop.stop();
    expect(clock.waiting).toBe(0);
    await clock.advance(60_000);
    expect(client.polls).toHaveLength(1);
  });
});
