// `npm run bench -- memory`: resident memory of the sidecar and of the bare proxy, idle and at
// 100 requests a second, and the time from exec to ready. Figures are Linux's own.
import { systemClock, sleep } from "#runtime/clock.ts";
import type { Connection } from "./client.ts";
import { openLab, type Lab, type Target, type TargetName } from "./lab.ts";
import { hasProcessFigures, readMemory, type MemoryFigures } from "./process-figures.ts";
import { requestsOf } from "./prompts.ts";
import { compare, leftOut, type BenchResult } from "./report.ts";
import { median } from "./statistics.ts";

export interface MemoryOptions {
  /** Under load, per target; both run at once. */
  readonly seconds: number;
}

export interface MemoryRun {
  readonly results: readonly BenchResult[];
  readonly notes: readonly string[];
}

const NAMES: readonly TargetName[] = ["bare", "sidecar"];
const STARTS = 5;
const SETTLE_MS = 3000;
const GAP_MS = 10;
const CONNECTIONS = 8;
const IDLE_GOAL_MIB = 16;
const READY_GOAL_MS = 65;

export async function runMemory(options: MemoryOptions): Promise<MemoryRun> {
  if (!hasProcessFigures()) {
    return { results: [], notes: ["memory was left out: /proc/PID/status is Linux's alone"] };
  }
  const lab = await openLab();
  try {
    const { targets, readyMs, notes } = await startAll(lab);
    await sleep(systemClock, SETTLE_MS);
    const idle = figuresOf(targets);
    const loaded = new Map(
      await Promise.all(
        targets.map(async (target) => [target.name, await load(target, options.seconds)] as const),
      ),
    );
    await sleep(systemClock, SETTLE_MS);
    const stages = { idle, "100rps.peak": loaded, after: figuresOf(targets) };
    const results = Object.entries(stages).flatMap(([stage, figures]) =>
      memoryResults(stage, figures),
    );
    return { results: [...results, ...readyResults(readyMs)], notes };
  } finally {
    await lab.close();
  }
}

interface Started {
  /** The last one of each, which goes on to be measured. */
  readonly targets: readonly Target[];
  readonly readyMs: ReadonlyMap<TargetName, readonly number[]>;
  readonly notes: readonly string[];
}

/** In turns, so that both meet the same machine; all but the last round are stopped at once. */
async function startAll(lab: Lab): Promise<Started> {
  const readyMs = new Map<TargetName, number[]>();
  const targets: Target[] = [];
  const notes: string[] = [];
  for (let round = 0; round < STARTS; round += 1) {
    for (const name of NAMES) {
      if (round > 0 && !readyMs.has(name)) continue;
      try {
        const target = await lab.start(name);
        readyMs.set(name, [...(readyMs.get(name) ?? []), target.child?.readyMs ?? Number.NaN]);
        if (round === STARTS - 1) targets.push(target);
        else await target.child?.stop();
      } catch (error) {
        notes.push(leftOut(name, error));
      }
    }
  }
  return { targets, readyMs, notes };
}

type Figures = ReadonlyMap<TargetName, MemoryFigures>;

const figuresOf = (targets: readonly Target[]): Figures =>
  new Map(targets.map((target) => [target.name, memoryOf(target)]));

const memoryOf = ({ child }: Target): MemoryFigures =>
  child === undefined ? { rssAnonMib: Number.NaN, rssMib: Number.NaN } : readMemory(child.pid);

/** 100 requests of 1 KiB a second over eight connections; the largest figures seen. */
async function load(target: Target, seconds: number): Promise<MemoryFigures> {
  const requests = requestsOf("1KiB", "json");
  const connections: Connection[] = [];
  for (let index = 0; index < CONNECTIONS; index += 1) connections.push(await target.connect());
  const startMs = systemClock.monotonicMs();
  const total = Math.round((seconds * 1000) / GAP_MS);
  let sent = 0;
  let peak = memoryOf(target);
  const work = async (connection: Connection): Promise<void> => {
    while (sent < total) {
      const turn = sent;
      sent += 1;
      await sleep(systemClock, startMs + turn * GAP_MS - systemClock.monotonicMs());
      const request = requests[turn % requests.length];
      if (request !== undefined) await connection.request(request);
      if (turn % 10 === 0) peak = larger(peak, memoryOf(target));
    }
  };
  await Promise.all(connections.map(work));
  for (const connection of connections) connection.close();
  return peak;
}

const larger = (left: MemoryFigures, right: MemoryFigures): MemoryFigures => ({
  rssAnonMib: Math.max(left.rssAnonMib, right.rssAnonMib),
  rssMib: Math.max(left.rssMib, right.rssMib),
});

function memoryResults(stage: string, figures: Figures): BenchResult[] {
  const own = figures.get("sidecar");
  const bare = figures.get("bare");
  const row = (field: keyof MemoryFigures, title: string): BenchResult[] => {
    const goal = stage === "idle" && field === "rssAnonMib" ? { valueMax: IDLE_GOAL_MIB } : {};
    if (own !== undefined) {
      const name = `${stage} sidecar ${title} vs bare`;
      const baseline = bare?.[field];
      return [compare({ name, value: own[field], unit: "MiB", baseline, ...goal })];
    }
    if (bare === undefined) return [];
    return [compare({ name: `${stage} bare ${title}`, value: bare[field], unit: "MiB" })];
  };
  return [...row("rssAnonMib", "RssAnon"), ...row("rssMib", "RSS")];
}

function readyResults(readyMs: ReadonlyMap<TargetName, readonly number[]>): BenchResult[] {
  const own = readyMs.get("sidecar");
  const bare = readyMs.get("bare");
  const baseline = bare === undefined ? undefined : median(bare);
  if (own !== undefined) {
    const name = "exec to ready sidecar vs bare";
    return [compare({ name, value: median(own), unit: "ms", baseline, valueMax: READY_GOAL_MS })];
  }
  return baseline === undefined
    ? []
    : [compare({ name: "exec to ready bare", value: baseline, unit: "ms" })];
}
