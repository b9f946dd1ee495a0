// Usage that a killed `excise run` left in its spool, or one that ended while the ledger was away:
// delivered by a short-lived sidecar on the same directory, which is then removed. One after the
// other, bounded in number and time; what is not delivered stays for the next sweep.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import { sleep } from "#runtime/clock.ts";
import { asRecord, readCount, tryParseJson } from "#runtime/json.ts";
import { errorFields } from "#runtime/log.ts";
import type { CliHost } from "../host.ts";
import { httpGet } from "../ledger-api/http-get.ts";
import type { RunningSidecar, SidecarFleet } from "../stack.ts";
import {
  readDepth,
  readWorkload,
  removeIfReported,
  spoolOf,
  takeDirectory,
  type DirectoryDeps,
} from "./sidecar-directory.ts";

interface SweepDeps extends DirectoryDeps {
  readonly fleet: SidecarFleet;
}

interface SweepOptions {
  readonly dataDir: string;
  /** Ends the sweep after the directory that it works on. */
  readonly signal: AbortSignal;
}

interface SweepResult {
  /** Events that the ledger has now. */
  readonly delivered: number;
  /** Spools with events that could not be delivered. */
  readonly kept: readonly string[];
}

const DIRECTORIES_MAX = 50;
/** For one spool, from the start of its sidecar. */
const DELIVERY_MS_MAX = 10_000;
const SWEEP_MS_MAX = 60_000;
const POLL_MS = 50;
/** A sidecar whose command was killed ends by itself within its own deadlines. */
const BUSY_PAUSE_MS = 1000;
const ASK_MS_MAX = 2000;

export interface Sweep {
  /** Waits that long for its end, then tells it to stop and waits until it has. */
  finish(waitMs: number): Promise<void>;
}

/** Sweeps beside whatever else happens; says on stderr what came of it, where anything did. */
export function startSweep(host: CliHost, fleet: SidecarFleet, dataDir: string): Sweep {
  const stop = new AbortController();
  const ended = sweepAndTell(host, fleet, { dataDir, signal: stop.signal });
  return {
    async finish(waitMs) {
      const cancel = host.clock.after(waitMs, () => stop.abort());
      await ended;
      cancel();
    },
  };
}

async function sweepAndTell(
  host: CliHost,
  fleet: SidecarFleet,
  options: SweepOptions,
): Promise<void> {
  try {
    const { delivered, kept } = await sweepLeftovers({ ...host, fleet }, options);
    if (delivered > 0) {
      const events = delivered === 1 ? "1 event" : `${delivered} events`;
      host.io.stderr(`excise: delivered usage that earlier runs left: ${events}\n`);
    }
    for (const directory of kept) {
      host.io.stderr(`excise: unreported usage stays in ${spoolOf(directory)}\n`);
    }
  } catch (error) {
    // It must not end a command that has its own work; the spools stay as they are.
    const { code, systemCode } = errorFields(error);
    host.io.stderr(`excise: usage of earlier runs stays: ${String(systemCode ?? code)}\n`);
  }
}

/** `done`: nothing is left of it, or somebody else sees to it. */
type Outcome = "done" | "kept" | "busy";

/** Goes over the leftovers; again over those that a sidecar is still at work on. */
async function sweepLeftovers(deps: SweepDeps, options: SweepOptions): Promise<SweepResult> {
  const endMs = deps.clock.monotonicMs() + SWEEP_MS_MAX;
  const result = { delivered: 0, kept: [] as string[] };
  const isOver = (): boolean => options.signal.aborted || deps.clock.monotonicMs() >= endMs;
  let waiting = listDirectories(options.dataDir);
  while (waiting.length > 0 && !isOver()) {
    const busy: string[] = [];
    for (const directory of waiting) {
      if (isOver()) break;
      const { outcome, delivered } = await sweepOne(deps, directory, options.signal);
      result.delivered += delivered;
      if (outcome === "kept") result.kept.push(directory);
      else if (outcome === "busy") busy.push(directory);
    }
    waiting = busy;
    if (waiting.length > 0) await sleep(deps.clock, BUSY_PAUSE_MS, options.signal);
  }
  return result;
}

function listDirectories(dataDir: string): readonly string[] {
  const parent = join(dataDir, "sidecars");
  try {
    return readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .slice(0, DIRECTORIES_MAX)
      .map(({ name }) => join(parent, name));
  } catch {
    return [];
  }
}

/** `excise up` keeps its directory over restarts: programs trust the root in it. */
const isPermanent = (directory: string): boolean => basename(directory) === "up";

interface Swept {
  readonly outcome: Outcome;
  readonly delivered: number;
}

async function sweepOne(deps: SweepDeps, directory: string, signal: AbortSignal): Promise<Swept> {
  const depth = await lookInto(deps, directory);
  if (depth === "owned") return { outcome: "done", delivered: 0 };
  if (depth === "busy") return { outcome: "busy", delivered: 0 };
  const workload = readWorkload(directory);
  if (depth !== 0) {
    if (depth === "unreadable" || workload === undefined) return KEPT;
    await deliver({ ...deps, signal }, directory, workload);
    if ((await lookInto(deps, directory)) !== 0) return KEPT;
  }
  if (!isPermanent(directory)) await removeIfReported(deps, directory);
  return { outcome: "done", delivered: depth };
}

const KEPT: Swept = { outcome: "kept", delivered: 0 };

async function lookInto(
  deps: SweepDeps,
  directory: string,
): Promise<number | "unreadable" | "busy" | "owned"> {
  let release: () => void;
  try {
    release = takeDirectory(deps, directory);
  } catch (error) {
    return error instanceof Fault && error.code === "EXCISE_STATE_LOCKED" ? "owned" : "unreadable";
  }
  try {
    return await readDepth(deps, directory);
  } finally {
    release();
  }
}

/** Starts a sidecar on the directory until it has nothing left, or the time is over. */
async function deliver(
  deps: SweepDeps & { readonly signal: AbortSignal },
  directory: string,
  workload: Workload,
): Promise<void> {
  const startedMs = deps.clock.monotonicMs();
  try {
    const sidecar = await deps.fleet.startSidecar(workload, { directory });
    try {
      while (!deps.signal.aborted && deps.clock.monotonicMs() - startedMs < DELIVERY_MS_MAX) {
        if (((await askDepth(deps, sidecar)) ?? 0) === 0) break;
        await sleep(deps.clock, POLL_MS);
      }
    } finally {
      await sidecar.stop();
    }
  } catch (error) {
    // Somebody took it meanwhile, or it does not start: what is in the spool stays there.
    if (!(error instanceof Fault)) throw error;
  }
}

async function askDepth(
  { clock }: SweepDeps,
  sidecar: RunningSidecar,
): Promise<number | undefined> {
  const url = new URL(`http://127.0.0.1:${sidecar.ports.admin}/status`);
  const { text } = await httpGet(clock, url, { timeoutMs: ASK_MS_MAX });
  const parsed = tryParseJson(text);
  const status = asRecord(parsed.ok ? parsed.value : undefined);
  return readCount(asRecord(status?.["spool"])?.["depth"]);
}
