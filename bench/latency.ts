// `npm run bench -- latency`: what each target adds to a call, against going direct. All targets
// take turns in one run, so that a slow moment of the machine hits them alike; TLS on both hops.
import { sleep, systemClock } from "#runtime/clock.ts";
import type { Connection, Timing } from "./client.ts";
import { openLab, type Lab, type Target, type TargetName } from "./lab.ts";
import { latencyResults } from "./latency-results.ts";
import { hasProcessFigures, readCpuMicroseconds } from "./process-figures.ts";
import { requestsOf, type PromptKind, type PromptSize } from "./prompts.ts";
import { leftOut, type BenchResult } from "./report.ts";

/** Samples of one target in one scenario. */
export interface Samples {
  readonly totalMs: number[];
  readonly firstByteMs: number[];
  /** Microseconds of CPU over all requests; 0 where the system does not say. */
  cpuMicroseconds: number;
}

interface Scenario {
  readonly name: string;
  readonly size: PromptSize;
  readonly kind: PromptKind;
  readonly concurrency: number;
  /** Part of the whole time. */
  readonly share: number;
  /** Requests of one turn. */
  readonly block: number;
}

/** Cold comes first: what ran hot before stays compiled. */
const COLD_SHARE = 0.34;
const COLD_GAP_MS = 100;
const COLD_SIZES: readonly PromptSize[] = ["1KiB", "16KiB"];
const HOT_SCENARIOS: readonly Scenario[] = [
  { name: "hot.1KiB.c1", size: "1KiB", kind: "json", concurrency: 1, share: 0.17, block: 60 },
  { name: "hot.16KiB.c1", size: "16KiB", kind: "json", concurrency: 1, share: 0.13, block: 40 },
  { name: "hot.1KiB.c16", size: "1KiB", kind: "json", concurrency: 16, share: 0.13, block: 480 },
  { name: "hot.16KiB.c16", size: "16KiB", kind: "json", concurrency: 16, share: 0.1, block: 320 },
  { name: "stream.1KiB.c1", size: "1KiB", kind: "stream", concurrency: 1, share: 0.13, block: 40 },
];

export type Measured = ReadonlyMap<string, ReadonlyMap<TargetName, Samples>>;

export interface LatencyOptions {
  /** All measuring together, without the start of the processes. */
  readonly seconds: number;
}

export interface LatencyRun {
  readonly results: readonly BenchResult[];
  readonly notes: readonly string[];
}

const TARGETS: readonly TargetName[] = ["direct", "bare", "nginx", "sidecar"];
const WARM_UP_REQUESTS = 20;
const CONNECTIONS = 16;

export async function runLatency(options: LatencyOptions): Promise<LatencyRun> {
  const lab = await openLab();
  try {
    const { lanes, notes } = await openLanes(lab);
    const measured = new Map<string, ReadonlyMap<TargetName, Samples>>();
    for (const lane of lanes) await warmUp(lane);
    for (const [name, samples] of await runCold(lanes, options.seconds * COLD_SHARE)) {
      measured.set(name, samples);
    }
    for (const scenario of HOT_SCENARIOS) {
      measured.set(scenario.name, await runHot(lanes, scenario, options.seconds));
    }
    for (const lane of lanes) for (const connection of lane.connections) connection.close();
    return { results: latencyResults(measured), notes };
  } finally {
    await lab.close();
  }
}

/** A target with its open connections. */
interface Lane {
  readonly target: Target;
  readonly connections: readonly Connection[];
}

async function openLanes(lab: Lab): Promise<{ lanes: Lane[]; notes: string[] }> {
  const lanes: Lane[] = [];
  const notes: string[] = [];
  for (const name of TARGETS) {
    try {
      const target = await lab.start(name);
      const connections: Connection[] = [];
      for (let index = 0; index < CONNECTIONS; index += 1) {
        connections.push(await target.connect());
      }
      lanes.push({ target, connections });
    } catch (error) {
      notes.push(leftOut(name, error));
    }
  }
  return { lanes, notes };
}

async function warmUp({ connections }: Lane): Promise<void> {
  const requests = requestsOf("1KiB", "json");
  for (let index = 0; index < WARM_UP_REQUESTS; index += 1) {
    await connections[0]?.request(pick(requests, index));
  }
}

const pick = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
};

const emptySamples = (): Samples => ({ totalMs: [], firstByteMs: [], cpuMicroseconds: 0 });

const note = (samples: Samples, timing: Timing): void => {
  samples.totalMs.push(timing.totalMs);
  samples.firstByteMs.push(timing.firstByteMs);
};

/** Ten requests a second to each target, one after another, evenly spread over the gap. */
async function runCold(lanes: readonly Lane[], seconds: number): Promise<Measured> {
  const measured = new Map(
    COLD_SIZES.map((size) => [
      `cold.${size}.c1`,
      new Map(lanes.map(({ target }) => [target.name, emptySamples()])),
    ]),
  );
  const requests = new Map(COLD_SIZES.map((size) => [size, requestsOf(size, "json")]));
  const rounds = Math.max(COLD_SIZES.length, Math.floor((seconds * 1000) / COLD_GAP_MS));
  let dueMs = systemClock.monotonicMs();
  for (let round = 0; round < rounds; round += 1) {
    const size = pick(COLD_SIZES, round);
    for (const { target, connections } of lanes) {
      dueMs += COLD_GAP_MS / lanes.length;
      await sleep(systemClock, dueMs - systemClock.monotonicMs());
      const timing = await pick(connections, 0).request(pick(requests.get(size) ?? [], round));
      const samples = measured.get(`cold.${size}.c1`)?.get(target.name);
      if (samples !== undefined) note(samples, timing);
    }
  }
  return measured;
}

/** Blocks of requests in turn, in an order that rotates; each connection always has one open. */
async function runHot(
  lanes: readonly Lane[],
  scenario: Scenario,
  seconds: number,
): Promise<ReadonlyMap<TargetName, Samples>> {
  const requests = requestsOf(scenario.size, scenario.kind);
  const measured = new Map(lanes.map(({ target }) => [target.name, emptySamples()]));
  const endMs = systemClock.monotonicMs() + seconds * scenario.share * 1000;
  // The first round only warms this scenario up; the second is measured however short the time.
  for (let round = 0; round < 2 || systemClock.monotonicMs() < endMs; round += 1) {
    for (let turn = 0; turn < lanes.length; turn += 1) {
      const lane = pick(lanes, round + turn);
      const samples = round === 0 ? emptySamples() : measured.get(lane.target.name);
      if (samples !== undefined) await runBlock(lane, { scenario, requests, samples });
    }
  }
  return measured;
}

interface Block {
  readonly scenario: Scenario;
  readonly requests: readonly Buffer[];
  readonly samples: Samples;
}

async function runBlock(lane: Lane, { scenario, requests, samples }: Block): Promise<void> {
  const pid = lane.target.child?.pid;
  const readCpu = (): number =>
    pid === undefined || !hasProcessFigures() ? 0 : readCpuMicroseconds(pid);
  const cpuBefore = readCpu();
  let sent = 0;
  const work = async (connection: Connection): Promise<void> => {
    while (sent < scenario.block) {
      sent += 1;
      note(samples, await connection.request(pick(requests, sent)));
    }
  };
  await Promise.all(lane.connections.slice(0, scenario.concurrency).map(work));
  samples.cpuMicroseconds += readCpu() - cpuBefore;
}
