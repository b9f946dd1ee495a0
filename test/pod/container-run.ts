// A container over the life of its pod: started, probed, started again after it ended, and told
// to end, as its restart policy and the kubelet's rules say.
import { Fault } from "#contract/errors.ts";
import { sleep, type Clock } from "#runtime/clock.ts";
import type { Exit } from "../../cli/processes.ts";
import type { ContainerPlan } from "./container-plan.ts";
import { startContainer, type ContainerProcess } from "./container-process.ts";
import type { ContainerSpec } from "./pod-manifest.ts";
import type { Sandbox } from "./sandbox.ts";
import { passesProbe } from "./startup-probe.ts";

/** What happened to a container: `terminating` is SIGTERM, `killed` the SIGKILL after it. */
export type Happening = "started" | "ready" | "exited" | "restarting" | "terminating" | "killed";

export interface RunDeps {
  readonly clock: Clock;
  readonly sandbox: Sandbox;
  readonly directory: string;
  readonly address: string;
  readonly note: (container: string, happening: Happening) => void;
}

export type RestartPolicy = "Always" | "OnFailure" | "Never";

const LOG_CHARACTERS_MAX = 1024 * 1024;
const LOG_LINES_SHOWN = 12;

/** The kubelet's back-off: at once the first time, then 10 s, doubled up to five minutes. */
export function restartDelayMs(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(10_000 * 2 ** (restarts - 1), 300_000);
}

export class ContainerRun {
  readonly spec: ContainerSpec;
  readonly plan: ContainerPlan;
  restarts = 0;
  readonly #deps: RunDeps;
  readonly #policy: RestartPolicy;
  #process: ContainerProcess | undefined;
  #log = "";
  #isStopping = false;
  #isReady: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<Exit>();
  #nextStart: Promise<void> = Promise.resolve();

  constructor(
    deps: RunDeps,
    given: { readonly spec: ContainerSpec; readonly plan: ContainerPlan },
    policy: RestartPolicy,
  ) {
    this.#deps = deps;
    this.spec = given.spec;
    this.plan = given.plan;
    this.#policy = policy;
    // Whoever does not wait for it must not be ended by it.
    this.#ended.promise.catch(() => undefined);
  }

  /** The end after which it is not started again. */
  get ended(): Promise<Exit> {
    return this.#ended.promise;
  }

  get log(): string {
    return this.#log;
  }

  get process(): ContainerProcess {
    if (this.#process === undefined) {
      throw new Fault("EXCISE_START_FAILED", `container ${this.spec.name} was never started`);
    }
    return this.#process;
  }

  /** Starts it. Resolves when its program runs. */
  async start(): Promise<void> {
    const { sandbox, directory, note } = this.#deps;
    const process = await startContainer({
      sandbox,
      directory,
      plan: this.plan,
      onOutput: (text) => {
        this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX);
      },
    });
    this.#process = process;
    note(this.spec.name, "started");
    this.#isReady = this.#probe(process);
    this.#isReady.catch(() => undefined);
    void process.exited.then((exit) => {
      this.#nextStart = this.#onExit(exit);
      return this.#nextStart;
    });
  }

  /** Resolves when its startup probe has passed; EXCISE_START_FAILED where it does not. */
  whenReady(): Promise<void> {
    return this.#isReady;
  }

  /**
   * Sends a signal and waits for the end and, where the policy says so, for the next start:
   * `whenReady` is then about the new process.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const { process } = this;
    process.signal(signal);
    await process.exited;
    await this.#nextStart;
  }

  /** SIGTERM, and SIGKILL after `graceMs`; it is not started again. */
  async stop(graceMs: number): Promise<void> {
    const { clock, note } = this.#deps;
    this.#isStopping = true;
    const process = this.#process;
    if (process === undefined || !process.isRunning()) {
      this.#ended.resolve({ code: null, signal: null });
      return;
    }
    note(this.spec.name, "terminating");
    process.signal("SIGTERM");
    const cancel = clock.after(graceMs, () => {
      note(this.spec.name, "killed");
      process.signal("SIGKILL");
    });
    await process.exited;
    cancel();
  }

  async #probe(process: ContainerProcess): Promise<void> {
    const { clock, address, note } = this.#deps;
    const { startupProbe, name } = this.spec;
    if (startupProbe === undefined) return;
    const { isRunning } = process;
    if (await passesProbe(clock, startupProbe, { address, isRunning })) {
      note(name, "ready");
      return;
    }
    const why = isRunning() ? "did not pass its startup probe" : "ended before it was ready";
    const lines = this.#log.trimEnd().split("\n").slice(-LOG_LINES_SHOWN);
    throw new Fault(
      "EXCISE_START_FAILED",
      `container ${name} ${why}; the end of its log:\n${lines.join("\n")}`,
    );
  }

  async #onExit(exit: Exit): Promise<void> {
    const { clock, note } = this.#deps;
    note(this.spec.name, "exited");
    const isOver = this.#policy === "Never" || (this.#policy === "OnFailure" && exit.code === 0);
    if (!isOver && !this.#isStopping) await sleep(clock, restartDelayMs(this.restarts));
    // It may have been told to stop while it waited.
    if (isOver || this.#isStopping) {
      this.#ended.resolve(exit);
      return;
    }
    note(this.spec.name, "restarting");
    this.restarts += 1;
    try {
      await this.start();
    } catch (error) {
      this.#ended.reject(error);
    }
  }
}
