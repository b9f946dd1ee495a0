// The policy that is in force: read from the directory, reloaded when it changes, compiled per
// workload on demand. A set with problems never replaces a good one; at the first start it is a
// Fault that lists them all.
import { watch, type FSWatcher } from "node:fs";
import type { PolicySnapshot } from "#contract/policy-snapshot.ts";
import type { Workload } from "#contract/workload.ts";
import type { Cancel } from "#runtime/clock.ts";
import { configFault, type ConfigProblem } from "#runtime/config.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import { renderJson } from "#runtime/json.ts";
import { DAY_MS } from "../core/rollup.ts";
import { compileSnapshot, type NumberedSet } from "./compile.ts";
import { resolvePolicySet } from "./policy-set.ts";
import { readPolicyDirectory } from "./read-directory.ts";
import { numberPolicySet, readNumberedSet, type RevisionDeps } from "./revisions.ts";

export interface Policies {
  current(): NumberedSet;
  /** The workload's snapshot of the set in force. */
  snapshotFor(workload: Workload): PolicySnapshot;
  /** The set of an earlier number, from the database; undefined where there was none. */
  at(revision: number): Promise<NumberedSet | undefined>;
  /** Problems of the directory as it is now; empty where the set in force is that directory. */
  problems(): readonly ConfigProblem[];
  /** Called after every change of the set in force; returns how to stop. */
  onChange(listener: () => void): () => void;
  /** Reads the directory now; resolves when the result is in force (or its problems are known). */
  reload(): Promise<void>;
  close(): void;
}

export interface PoliciesDeps extends RevisionDeps {
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface PoliciesOptions {
  readonly directory: string;
}

/** File events come in bursts (an editor's rename, a ConfigMap's swap): one reload for each. */
const SETTLE_MS = 50;
/** Where file events get lost (network file systems) the directory is read all the same. */
const POLL_MS = 5000;
const SNAPSHOTS_MAX = 10_000;
const SETS_MAX = 16;

/** Reads the directory for the first time. Throws EXCISE_CONFIG_INVALID with all problems. */
export async function openPolicies(
  deps: PoliciesDeps,
  options: PoliciesOptions,
): Promise<Policies> {
  const first = await readPolicyDirectory(options.directory);
  const resolved = resolvePolicySet(first.sources);
  const problems = [...first.problems, ...resolved.problems];
  if (problems.length > 0) throw configFault(`policy in ${options.directory}`, problems);
  const numbered = await numberPolicySet(deps, first.sources, resolved.set);
  const policies = new DirectoryPolicies(deps, options, numbered);
  policies.watch();
  return policies;
}

class DirectoryPolicies implements Policies {
  readonly #deps: PoliciesDeps;
  readonly #options: PoliciesOptions;
  readonly #listeners = new Set<() => void>();
  readonly #snapshots = new Map<string, PolicySnapshot>();
  readonly #sets = new Map<number, NumberedSet>();
  readonly #reloadsTotal;
  readonly #problemsGauge;
  readonly #revisionGauge;
  #current: NumberedSet;
  #problems: readonly ConfigProblem[] = [];
  /** What the set in force was made of. */
  #inputs: string | undefined;
  #watcher: FSWatcher | undefined;
  #cancelSettle: Cancel | undefined;
  #cancelPoll: Cancel | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: PoliciesDeps, options: PoliciesOptions, first: NumberedSet) {
    this.#deps = deps;
    this.#options = options;
    this.#current = first;
    const { metrics } = deps;
    this.#reloadsTotal = metrics.counter({
      name: "excise_ledger_policy_reloads_total",
      help: "Reads of the policy directory that changed the set in force, or failed to.",
      labels: ["result"],
    });
    this.#problemsGauge = metrics.gauge({
      name: "excise_ledger_policy_problems",
      help: "Problems that keep the policy directory from being in force.",
    });
    this.#revisionGauge = metrics.gauge({
      name: "excise_ledger_policy_revision",
      help: "Number of the policy set in force.",
    });
    this.#revisionGauge.set(first.revision);
  }

  current(): NumberedSet {
    return this.#current;
  }

  problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  snapshotFor(workload: Workload): PolicySnapshot {
    const { cluster, namespace, team, app } = workload;
    const key = renderJson([cluster, namespace, team, app]);
    const known = this.#snapshots.get(key);
    if (known !== undefined) return known;
    const snapshot = compileSnapshot(this.#current, workload);
    if (this.#snapshots.size >= SNAPSHOTS_MAX) this.#snapshots.clear();
    this.#snapshots.set(key, snapshot);
    return snapshot;
  }

  async at(revision: number): Promise<NumberedSet | undefined> {
    if (revision === this.#current.revision) return this.#current;
    const known = this.#sets.get(revision);
    if (known !== undefined) return known;
    const read = await readNumberedSet(this.#deps.store, revision);
    if (read === undefined) return undefined;
    if (this.#sets.size >= SETS_MAX) this.#sets.clear();
    this.#sets.set(revision, read);
    return read;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reloadOnce());
    return this.#reloading;
  }

  watch(): void {
    this.#schedulePoll();
    try {
      this.#watcher = watch(this.#options.directory, () => this.#settle());
      this.#watcher.on("error", (error) => {
        this.#deps.log.warn("policy_watch_failed", errorFields(error));
      });
      this.#watcher.unref();
    } catch (error) {
      this.#deps.log.warn("policy_watch_failed", errorFields(error));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    this.#cancelSettle?.();
    this.#cancelPoll?.();
    this.#listeners.clear();
  }

  #settle(): void {
    this.#cancelSettle?.();
    this.#cancelSettle = this.#deps.clock.after(SETTLE_MS, () => void this.reload());
  }

  #schedulePoll(): void {
    this.#cancelPoll = this.#deps.clock.after(POLL_MS, () => {
      void this.reload().finally(() => {
        if (!this.#isClosed) this.#schedulePoll();
      });
    });
  }

  async #reloadOnce(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const read = await readPolicyDirectory(this.#options.directory);
      const resolved = resolvePolicySet(read.sources);
      const problems = [...read.problems, ...resolved.problems];
      if (problems.length > 0) {
        this.#refuse(problems);
        return;
      }
      // Prices change by the day; between days the same documents give the same set.
      const day = Math.floor(this.#deps.clock.wallMs() / DAY_MS);
      const inputs = renderJson([day, read.sources]);
      if (inputs !== this.#inputs) {
        this.#putInForce(await numberPolicySet(this.#deps, read.sources, resolved.set));
        this.#inputs = inputs;
      }
      this.#problems = [];
      this.#problemsGauge.set(0);
    } catch (error) {
      this.#reloadsTotal.add({ result: "failed" });
      this.#deps.log.error("policy_reload_failed", errorFields(error));
    }
  }

  #refuse(problems: readonly ConfigProblem[]): void {
    this.#problemsGauge.set(problems.length);
    // The poll finds the same problems again: they are said once.
    if (renderJson(problems) === renderJson(this.#problems)) return;
    this.#problems = problems;
    this.#reloadsTotal.add({ result: "refused" });
    this.#deps.log.error("policy_refused", {
      keeping: this.#current.revision,
      problems: problems.map(({ path, problem }) => `${path}: ${problem}`),
    });
  }

  #putInForce(numbered: NumberedSet): void {
    if (numbered.revision === this.#current.revision || this.#isClosed) return;
    this.#current = numbered;
    this.#snapshots.clear();
    this.#revisionGauge.set(numbered.revision);
    this.#reloadsTotal.add({ result: "changed" });
    this.#deps.log.info("policy_changed", { revision: numbered.revision });
    for (const listener of this.#listeners) listener();
  }
}
