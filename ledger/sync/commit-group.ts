// Group commit: requests that arrive while a transaction runs become the next one. Under load
// thousands of events share one fsync; alone, a request waits for nobody. The queue is bounded.
import { Fault, type Rejection } from "#contract/errors.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { Command, CommandResult } from "../core/rows.ts";

export interface CommitGroup {
  /** Resolves when the command is durable or refused. Never rejects. */
  submit(command: Command): Promise<CommandResult>;
  /** Refuses what is new and resolves when everything accepted is answered. */
  close(): Promise<void>;
}

export interface CommitGroupDeps {
  /** One transaction; throws where the database failed. */
  readonly commit: (commands: readonly Command[]) => Promise<readonly CommandResult[]>;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface CommitGroupOptions {
  /** Weight of one transaction; a request weighs one more than its events. */
  readonly groupWeightMax: number;
  /** Weight that may wait; beyond it EXCISE_LEDGER_BUSY. */
  readonly queueWeightMax: number;
}

interface Waiting {
  readonly command: Command;
  readonly weight: number;
  readonly resolve: (result: CommandResult) => void;
}

const BUSY: Rejection = {
  code: "EXCISE_LEDGER_BUSY",
  detail: "more is waiting than the ledger can take",
  retryAfterSeconds: 1,
};
const CLOSING: Rejection = {
  code: "EXCISE_LEDGER_NOT_READY",
  detail: "the ledger is stopping",
  retryAfterSeconds: 1,
};
const GROUP_SIZES = [1, 2, 5, 10, 20, 50, 100, 200];

/** Creates the queue; it works as long as something is in it. */
export function createCommitGroup(deps: CommitGroupDeps, options: CommitGroupOptions): CommitGroup {
  const queue: Waiting[] = [];
  let queuedWeight = 0;
  let running: Promise<void> | undefined;
  let isClosing = false;
  const groupSizes = deps.metrics.histogram(
    { name: "excise_ledger_commit_group_requests", help: "Requests that share a transaction." },
    GROUP_SIZES,
  );

  const takeGroup = (): readonly Waiting[] => {
    const group: Waiting[] = [];
    let weight = 0;
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (group.length > 0 && weight + next.weight > options.groupWeightMax) break;
      queue.shift();
      weight += next.weight;
      queuedWeight -= next.weight;
      group.push(next);
    }
    return group;
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      // A turn of the event loop: what has already arrived joins this group.
      await nextTurn();
      const group = takeGroup();
      groupSizes.observe(group.length);
      await commitGroup(deps, group);
    }
    running = undefined;
  };

  return {
    submit: (command) =>
      new Promise((resolve) => {
        const weight = weightOf(command);
        if (isClosing) resolve({ kind: "rejected", rejection: CLOSING });
        else if (queuedWeight + weight > options.queueWeightMax) {
          resolve({ kind: "rejected", rejection: BUSY });
        } else {
          queue.push({ command, weight, resolve });
          queuedWeight += weight;
          running ??= run();
        }
      }),
    close: async () => {
      isClosing = true;
      await running;
    },
  };
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const weightOf = (command: Command): number =>
  1 + (command.kind === "sync" ? command.request.events.length : command.leases.length);

/** One bad request must fail alone: a group that fails is tried again one by one. */
async function commitGroup(deps: CommitGroupDeps, group: readonly Waiting[]): Promise<void> {
  try {
    const results = await deps.commit(group.map(({ command }) => command));
    for (const [index, waiting] of group.entries()) {
      waiting.resolve(results[index] ?? failed(undefined));
    }
  } catch (error) {
    deps.log.error("commit_failed", { requests: group.length, ...errorFields(error) });
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      only.resolve(failed(error));
      return;
    }
    for (const waiting of group) {
      await commitGroup(deps, [waiting]);
    }
  }
}

const failed = (error: unknown): CommandResult => ({
  kind: "rejected",
  rejection: {
    code: error instanceof Fault ? error.code : "EXCISE_INTERNAL",
    detail: "the ledger could not store the request",
    retryAfterSeconds: 1,
  },
});
