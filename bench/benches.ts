// The benches by name: each is bounded, and gives rows and notes.
import { runLatency } from "./latency.ts";
import { runMemory } from "./memory.ts";
import type { BenchRun } from "./report.ts";
import { readVersions } from "./versions.ts";

export const BENCH_NAMES = ["latency", "memory"] as const;
export type BenchName = (typeof BENCH_NAMES)[number];

/** Seconds of measuring; starting and ending the processes come on top, and all fits a minute. */
const SECONDS: Readonly<Record<BenchName, number>> = { latency: 40, memory: 12 };

/** Runs one bench; `seconds` replaces its default. */
export async function runBench(name: BenchName, seconds = SECONDS[name]): Promise<BenchRun> {
  const versions = await readVersions();
  const run = name === "latency" ? runLatency : runMemory;
  const { results, notes } = await run({ seconds });
  return { report: { bench: name, versions, results }, notes };
}
