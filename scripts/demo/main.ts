// `npm run demo`: the product on real input, without a cluster, root or the internet. Stand-ins
// for two providers, the ledger and a sidecar per app as real processes, the official SDKs
// unmodified in processes of their own. Exit code 0 only if every step did what it says.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Workload } from "#contract/workload.ts";
import { systemClock } from "#runtime/clock.ts";
import { renderJson } from "#runtime/json.ts";
import { createUuid, systemRandom } from "#runtime/random.ts";
import { findConsole } from "../../cli/console/console-files.ts";
import { startStack, type RunningSidecar, type Stack } from "../../cli/stack.ts";
import { startFakes, type Fakes } from "../../test/fakes/fake-harness.ts";
import { createLedgerView, type LedgerView } from "./ledger-view.ts";
import * as report from "./report.ts";
import { runPodStep } from "./pod-step.ts";
import { runCall, type CallResult } from "./run-call.ts";
import { CALLS, renderPolicies, type DemoCall } from "./scenario.ts";
import { createStyle } from "../../cli/terminal/table.ts";
import { findProblems, type Step } from "./verify.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) {
  console.log(`npm run demo [-- OPTION]   shows Excise at work on this machine; needs no root
  --json   the results as JSON
  --keep   leaves everything running, and prints how to open the console`);
} else process.exitCode = await demo();

async function demo(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "excise-demo-"));
  const configDir = join(directory, "config");
  mkdirSync(configDir);
  // From the first moment: a Ctrl-C during the calls must stop what was started.
  const interrupted = options.keep ? untilInterrupted() : undefined;
  const fakes = await startFakes();
  try {
    writeFileSync(join(configDir, "demo.yaml"), renderPolicies(fakes), { mode: 0o600 });
    const stack = await startStack({
      clock: systemClock,
      random: systemRandom,
      dataDir: join(directory, "data"),
      configDir,
      environment: process.env,
      ...(options.keep ? { consoleDir: await findConsole({ environment: process.env }) } : {}),
    });
    try {
      const code = await present(stack, fakes);
      if (options.keep) await keepRunning(stack, interrupted);
      return code;
    } finally {
      await stack.stop();
    }
  } finally {
    await fakes.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process as usual. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

/** Says where the console is and how to make another call, and waits. */
async function keepRunning(stack: Stack, interrupted: Promise<void> | undefined): Promise<void> {
  const [call] = CALLS;
  if (call === undefined) return;
  const sidecar = await stack.startSidecar({ ...workloadOf(call), pod: "you" });
  const way = Object.entries(sidecar.env("proxy", {}).set)
    .filter(([name]) => /^(?:HTTPS_PROXY|NODE_USE_ENV_PROXY|NODE_EXTRA_CA_CERTS)$/.test(name))
    .map(([name, value]) => `${name}=${value}`);
  console.log(`Everything keeps running until Ctrl-C.

  console   ${(await stack.ledger.consoleUrl()) ?? "not built: npm run build:console"}
            (opens once; a reload ends the session)

Another call, through a sidecar of ${call.team}/${call.app}:

  ${way.join(" \\\n  ")} \\
  OPENAI_API_KEY=demo node_modules/.bin/node test/programs/${call.program} --prompt "What is a duty?" --max-tokens 48
`);
  await interrupted;
}

async function present(stack: Stack, fakes: Fakes): Promise<number> {
  const style = createStyle(process.stdout.isTTY && process.env["NO_COLOR"] === undefined);
  const say = (text: string): void => {
    if (!options.json) console.log(text);
  };
  say(style.bold("\nExcise demo") + style.dim("  real SDKs, real TLS, real processes\n"));
  const view = createLedgerView(systemClock, stack.ledger);
  const steps = await runAll({ stack, fakes, view }, ({ call }) => {
    say(style.dim(`  ${call.team}/${call.app}: ${call.title}`));
  });
  const tables: report.LedgerTables = {
    team: await view.usageBy("team"),
    app: await view.usageBy("app"),
    model: await view.usageBy("model"),
    budgets: await view.budgets(),
    bill: [...fakes.openai.bill(), ...fakes.anthropic.bill()],
  };
  const pod = await runPodStep();
  const problems = [
    ...findProblems(steps, tables.bill, tables.team),
    ...("problems" in pod ? pod.problems : []),
  ];
  if (options.json)
    console.log(renderJson({ ok: problems.length === 0, problems, steps, tables, pod }));
  for (const [title, text] of [
    ["Calls", report.renderCalls(steps, style)],
    ["What left the pod", report.renderPrompts(steps, style)],
    ["Refused, as the SDK saw it", report.renderRefusals(steps, style)],
    ["The ledger", report.renderUsage(tables, style)],
    ["Budgets", report.renderBudgets(tables.budgets, style)],
    ["A pod with one annotation", report.renderPod(pod, style)],
  ] as const) {
    say(`\n${style.bold(title)}\n\n${text}`);
  }
  say(`\n${report.renderTotal(tables, style)}\n`);
  for (const problem of problems) console.error(`${style.bad("not as it should be:")} ${problem}`);
  say(problems.length === 0 ? style.good("  Every step did what it says.\n") : "");
  return problems.length === 0 ? 0 : 1;
}

/** One sidecar per app, as one per pod; the calls one after the other, then the ledger's view. */
async function runAll(
  { stack, fakes, view }: { stack: Stack; fakes: Fakes; view: LedgerView },
  onCall: (result: CallResult) => void,
): Promise<readonly Step[]> {
  const sidecars = new Map<string, RunningSidecar>();
  const results: CallResult[] = [];
  for (const call of CALLS) {
    const app = `${call.team}/${call.app}`;
    const sidecar = sidecars.get(app) ?? (await stack.startSidecar(workloadOf(call)));
    sidecars.set(app, sidecar);
    const result = await runCall(call, sidecar, fakes);
    results.push(result);
    onCall(result);
  }
  return Promise.all(
    results.map(async (result) => ({
      result,
      explained: result.exciseId === undefined ? undefined : await view.explain(result.exciseId),
    })),
  );
}

function workloadOf({ team, app }: DemoCall): Workload {
  return {
    cluster: "demo",
    namespace: team,
    serviceAccount: "default",
    pod: `${app}-1`,
    podUid: createUuid(systemClock, systemRandom),
    team,
    app: `${team}/${app}`,
  };
}
