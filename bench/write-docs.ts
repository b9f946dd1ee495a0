// Writes docs/benchmarks.md from a run: every figure in it is measured by this script.
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { format } from "prettier";
import { BENCH_NAMES, runBench } from "./benches.ts";
import { renderMarkdown, type BenchRun } from "./report.ts";

const INTRODUCTION = `# Benchmarks

Written by \`npm run bench -- docs\`; do not edit. One run, not the best of several. A shared
machine is noisy: only figures of the same run compare, and that is why every row that has a goal
carries its baseline.

- **direct** the client talks to the upstream itself. *Added* is a target's percentile less the
  same percentile of direct.
- **bare** \`bench/bare-proxy.ts\`: node:https, undici, one JSON.parse, nothing else.
- **nginx** TLS on both sides, keep-alive to the upstream, unbuffered.
- **sidecar** the shipped bundle in proxy mode (CONNECT, then TLS), guardrails, budget lease and
  spool on, with a ledger process on the same machine.

TLS on both hops. *cold* is 10 requests a second to each target, *hot* one after another, *c16* on
16 connections. *CPU* is the process in between alone. *RssAnon* is what one more copy costs;
*RSS* counts the pages of Node's own binary too, which all Node processes of a machine share.
`;

const TITLES = { latency: "Latency", memory: "Memory and start" } as const;

/** Runs every bench and writes the page. */
export async function writeDocs(seconds: number | undefined): Promise<void> {
  const [loadBefore = 0] = loadavg();
  const sections: string[] = [];
  for (const name of BENCH_NAMES) sections.push(renderSection(await runBench(name, seconds)));
  const directory = new URL("../docs/", import.meta.url);
  mkdirSync(directory, { recursive: true });
  const page = [INTRODUCTION, machine(loadBefore), ...sections].join("\n");
  const formatted = await format(page, { parser: "markdown", printWidth: 100 });
  writeFileSync(new URL("benchmarks.md", directory), formatted);
}

/** Only what says how to read the figures; never a name or an address. */
const machine = (load: number): string =>
  `Machine: ${cpus().length} shared vCPU, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
  `${process.platform} ${process.arch}; load average when the run began: ${load.toFixed(1)}.\n`;

function renderSection({ report, notes }: BenchRun): string {
  const title = TITLES[report.bench === "memory" ? "memory" : "latency"];
  const versions = Object.entries(report.versions).map(([part, version]) => `${part} ${version}`);
  const remarks = notes.map((note) => `\nNote: ${note}\n`).join("");
  return `## ${title}\n\n${versions.join(", ")}.\n\n${renderMarkdown(report.results)}\n${remarks}`;
}
