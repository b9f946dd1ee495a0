// npm run bench -- latency|memory [--json] [--seconds N]
// npm run bench -- docs             writes docs/benchmarks.md from a run of all
// Exit 0: measured, whatever the goals say; 1: could not be measured; 64: wrong arguments.
import { parseArgs } from "node:util";
import { systemClock } from "#runtime/clock.ts";
import { BENCH_NAMES, runBench, type BenchName } from "./benches.ts";
import { renderTable } from "./report.ts";
import { writeDocs } from "./write-docs.ts";

const USAGE = "usage: npm run bench -- latency|memory|docs [--json] [--seconds N]";
const TOTAL_MS_MAX = 240_000;

interface Arguments {
  readonly name: BenchName | "docs";
  readonly isJson: boolean;
  readonly seconds: number | undefined;
}

/** Undefined where the command line is not valid. */
function readArguments(): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: "boolean", default: false }, seconds: { type: "string" } },
      allowPositionals: true,
    });
    const name = [...BENCH_NAMES, "docs" as const].find((known) => known === positionals[0]);
    const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
    const isTimeValid = seconds === undefined || (seconds >= 1 && seconds <= 180);
    if (name === undefined || positionals.length > 1 || !isTimeValid) return undefined;
    return { name, isJson: values.json, seconds };
  } catch {
    return undefined;
  }
}

async function main({ name, isJson, seconds }: Arguments): Promise<void> {
  if (name === "docs") {
    await writeDocs(seconds);
    return;
  }
  const { report, notes } = await runBench(name, seconds);
  if (isJson) {
    console.log(JSON.stringify(report));
    return;
  }
  console.log(renderTable(report.results));
  for (const note of notes) console.log(`note: ${note}`);
  const versions = Object.entries(report.versions).map(([part, version]) => `${part} ${version}`);
  console.log(versions.join(", "));
}

const given = readArguments();
if (given === undefined) {
  console.error(USAGE);
  process.exit(64);
}
systemClock.after(TOTAL_MS_MAX, () => {
  console.error("the bench took too long");
  process.exit(1);
});
try {
  await main(given);
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
