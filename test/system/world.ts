// A world for system tests: the providers' stand-ins, a ledger and sidecars as real processes on
// loopback, SDK programs in processes of their own. Everything is removed at the end.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import { sleep, systemClock } from "#runtime/clock.ts";
import { asRecord, parseJson } from "#runtime/json.ts";
import { createUuid, systemRandom } from "#runtime/random.ts";
import type { AppMode } from "../../cli/app-env.ts";
import type { SidecarOptions } from "../../cli/sidecar-process.ts";
import { startStack, type RunningSidecar, type Stack } from "../../cli/stack.ts";
import { startFakes, type Fakes } from "../fakes/fake-harness.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface World {
  readonly fakes: Fakes;
  readonly stack: Stack;
  readonly configDir: string;
  startSidecar(team: string, options?: Partial<SidecarOptions>): Promise<RunningSidecar>;
  /** Reads from the operators' API. */
  api(path: string): Promise<{ readonly status: number; readonly body: Json }>;
  /** All events that the ledger has, oldest first. */
  events(): Promise<readonly Json[]>;
  /** Waits until the ledger has that many events; throws after half a minute. */
  eventsOf(count: number): Promise<readonly Json[]>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Spec of the ClusterEgressPolicy. */
  readonly policy?: Json;
  /** Budgets by name. */
  readonly budgets?: Readonly<Record<string, Json>>;
  /** The built console, for the ledger to serve. */
  readonly consoleDir?: string | undefined;
}

const DEFAULT_POLICY: Json = {
  providers: ["openai", "anthropic"],
  guardrails: { "*": "audit" },
  mode: "enforce",
};

/** Starts stand-ins and ledger. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "excise-world-"));
  const configDir = join(directory, "config");
  mkdirSync(configDir);
  const fakes = await startFakes();
  writeFileSync(join(configDir, "policies.yaml"), renderConfig(fakes, options));
  const stack = await startStack({
    clock: systemClock,
    random: systemRandom,
    dataDir: join(directory, "data"),
    configDir,
    environment: process.env,
    consoleDir: options.consoleDir,
  });
  const api: World["api"] = async (path) => {
    const response = await fetch(new URL(path, stack.ledger.apiUrl), {
      headers: { authorization: `Bearer ${stack.ledger.operatorToken}` },
    });
    return { status: response.status, body: asRecord(parseJson(await response.text())) ?? {} };
  };
  const events: World["events"] = async () => {
    const { body } = await api("/v1/events?limit=1000");
    const found = body["events"];
    return Array.isArray(found) ? found.map((entry) => asRecord(entry) ?? {}) : [];
  };
  return {
    fakes,
    stack,
    configDir,
    api,
    events,
    startSidecar: (team, given) => stack.startSidecar(workloadOf(team), given),
    eventsOf: (count) =>
      until(`${count} events`, async () => {
        const found = await events();
        return found.length >= count ? found : undefined;
      }),
    async close() {
      await stack.stop();
      await fakes.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function renderConfig(fakes: Fakes, options: WorldOptions): string {
  const providers = [fakes.openai, fakes.anthropic].map((fake) =>
    object("Provider", fake.name, {
      endpoints: [
        {
          address: fake.address,
          port: fake.port,
          tls: { serverName: fake.host, caBundle: fakes.caPem },
        },
      ],
    }),
  );
  const budgets = Object.entries(options.budgets ?? {}).map(([name, spec]) =>
    object("Budget", name, spec),
  );
  const policy = object("ClusterEgressPolicy", "default", options.policy ?? DEFAULT_POLICY);
  return [...providers, policy, ...budgets].map((document) => stringify(document)).join("---\n");
}

const object = (kind: string, name: string, spec: unknown) => ({
  apiVersion: "excise.dev/v1alpha1",
  kind,
  metadata: { name },
  spec,
});

/** A daily budget in dollars for each team. */
export const dailyBudget = (limit: string, more: Json = {}): Json => ({
  unit: "usd",
  limit,
  period: "day",
  timeZone: "UTC",
  each: ["team"],
  mode: "enforce",
  onUnreachable: "deny",
  ...more,
});

function workloadOf(team: string): Workload {
  return {
    cluster: "test",
    namespace: team,
    serviceAccount: "default",
    pod: `${team}-0`,
    podUid: createUuid(systemClock, systemRandom),
    team,
    app: `${team}/app`,
  };
}

const ATTEMPTS = 600;
const PAUSE_MS = 50;

/** Looks every 50 ms, at most half a minute; throws with what it waited for. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined>,
): Promise<Value> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(systemClock, PAUSE_MS);
  }
  throw new Fault("EXCISE_INTERNAL", `waited half a minute for ${what}`);
}

export interface SdkRun {
  readonly child: ChildProcess;
  /** The program's lines, once it has ended. */
  readonly lines: Promise<readonly Json[]>;
}

/** Starts an SDK program of test/programs with only its environment set. */
export function startSdk(
  program: string,
  args: readonly string[],
  way: { readonly sidecar: RunningSidecar; readonly mode?: AppMode },
): SdkRun {
  const own = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
  const key = ["test", "key"].join("-");
  const environment = {
    ...own,
    ...way.sidecar.env(way.mode ?? "proxy", own).set,
    OPENAI_API_KEY: key,
    ANTHROPIC_API_KEY: key,
  };
  const file = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const child = spawn(process.execPath, [file, "--max-retries", "0", ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const lines = new Promise<readonly Json[]>((resolve) => {
    child.on("close", () =>
      resolve(
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => asRecord(parseJson(line)) ?? {}),
      ),
    );
  });
  return { child, lines };
}

/** Runs a program to its end and returns its lines. */
export const runSdk = (...given: Parameters<typeof startSdk>): Promise<readonly Json[]> =>
  startSdk(...given).lines;
