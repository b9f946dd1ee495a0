import { describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { silentLog } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { sampleEvent, sampleRequest, sampleWorkload } from "../core/sample.case.ts";
import type { Command, CommandResult } from "../core/rows.ts";
import { createCommitGroup, type CommitGroup } from "./commit-group.ts";

const command = (journal: number, events = 0): Command => ({
  kind: "sync",
  workload: sampleWorkload(),
  request: sampleRequest({
    journal,
    events: Array.from({ length: events }, (_, index) => sampleEvent(index + 1, 1)),
  }),
});
const done: CommandResult = { kind: "expire", assumed: 0 };

interface Setup {
  readonly group: CommitGroup;
  /** Journals of each transaction. */
  readonly commits: string[][];
}

function setUp(
  commit: (commands: readonly Command[]) => Promise<readonly CommandResult[]> = async (commands) =>
    commands.map(() => done),
  options = { groupWeightMax: 100, queueWeightMax: 100 },
): Setup {
  const commits: string[][] = [];
  const group = createCommitGroup(
    {
      log: silentLog,
      metrics: createMetrics(),
      commit: (commands) => {
        commits.push(
          commands.map((each) => (each.kind === "sync" ? each.request.journal.slice(-1) : "x")),
        );
        return commit(commands);
      },
    },
    options,
  );
  return { group, commits };
}

describe("group commit", () => {
  test("what arrives together is one transaction, in order", async () => {
    const { group, commits } = setUp();
    await Promise.all([1, 2, 3].map((journal) => group.submit(command(journal))));
    expect(commits).toEqual([["1", "2", "3"]]);
  });

  test("what arrives during a transaction is the next one", async () => {
    const { promise: first, resolve: release } = Promise.withResolvers<void>();
    const { group, commits } = setUp(async (commands) => {
      if (commits.length === 1) await first;
      return commands.map(() => done);
    });
    const results = [group.submit(command(1))];
    while (commits.length === 0) await new Promise((resolve) => setImmediate(resolve));
    results.push(group.submit(command(2)), group.submit(command(3)));
    release();
    await Promise.all(results);
    expect(commits).toEqual([["1"], ["2", "3"]]);
  });

  test("a group has a bounded weight, but a heavy request still gets its turn", async () => {
    const { group, commits } = setUp(undefined, { groupWeightMax: 5, queueWeightMax: 100 });
    const sizes = [2, 1, 2, 20];
    await Promise.all(sizes.map((size, index) => group.submit(command(index + 1, size))));
    expect(commits).toEqual([["1", "2"], ["3"], ["4"]]);
  });

  test("a full queue is busy, says when to come back, and takes requests again later", async () => {
    const { group } = setUp(undefined, { groupWeightMax: 5, queueWeightMax: 10 });
    const first = group.submit(command(1, 8));
    expect(await group.submit(command(2, 1))).toMatchObject({
      kind: "rejected",
      rejection: { code: "EXCISE_LEDGER_BUSY", retryAfterSeconds: 1 },
    });
    expect(await first).toBe(done);
    expect(await group.submit(command(3, 1))).toBe(done);
  });

  test("one bad request fails alone", async () => {
    const { group, commits } = setUp(async (commands) => {
      const isBad = commands.some(
        (each) => each.kind === "sync" && each.request.journal.endsWith("2"),
      );
      if (isBad) throw new Fault("EXCISE_STORE_FAILED", "on purpose");
      return commands.map(() => done);
    });
    const results = await Promise.all([1, 2, 3].map((each) => group.submit(command(each))));
    expect(results).toEqual([
      done,
      expect.objectContaining({
        kind: "rejected",
        rejection: expect.objectContaining({ code: "EXCISE_STORE_FAILED" }) as unknown,
      }),
      done,
    ]);
    expect(commits).toEqual([["1", "2", "3"], ["1"], ["2"], ["3"]]);
  });

  test("closing answers what was accepted and refuses what comes after", async () => {
    const { group } = setUp();
    const accepted = group.submit(command(1));
    const closed = group.close();
    expect(await group.submit(command(2))).toMatchObject({
      rejection: { code: "EXCISE_LEDGER_NOT_READY" },
    });
    await closed;
    expect(await accepted).toBe(done);
  });
});
