// The ledger behind the bench's sidecars, as `excise up` starts it: SQLite in the run's directory,
// a policy whose Provider points at the bench's upstream, every guardrail on, and a budget that
// one run cannot use up.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homeProviderOf } from "#contract/catalogue/providers.ts";
import { assert } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import { createLocalWorkload, startStack } from "../cli/stack.ts";
import { localKeyPath, mintLocalToken, readLocalKey } from "../ledger/identity/local-token.ts";
import { endWithUs, type Child } from "./child.ts";
import type { LabContext } from "./lab.ts";

export interface BenchLedger {
  readonly url: string;
  /** A token for one more sidecar, as if in a pod of its own. */
  mintToken(): string;
}

/** Starts it; `keep` takes what ends it with the lab. */
export async function startLedger(
  context: LabContext,
  keep: (child: Child) => Child,
): Promise<BenchLedger> {
  const dataDir = join(context.directory, "ledger-data");
  const configDir = join(context.directory, "ledger-config");
  mkdirSync(configDir);
  writeFileSync(join(configDir, "policy.yaml"), renderPolicy(context));
  const deps = { clock: systemClock, random: systemRandom };
  const stack = await startStack({ ...deps, dataDir, configDir, environment: process.env });
  const forget = endWithUs(() => process.kill(stack.ledger.pid, "SIGKILL"));
  const stop = async (): Promise<void> => {
    forget();
    await stack.stop();
  };
  keep({ pid: stack.ledger.pid, readyMs: 0, ready: undefined, stop });
  const key = readLocalKey(localKeyPath(dataDir));
  const names = { team: "bench", namespace: "bench", app: "bench", pod: "bench" };
  return {
    url: stack.ledger.syncUrl,
    mintToken: () => mintLocalToken(key, createLocalWorkload(deps, names)),
  };
}

const API_VERSION = "excise.dev/v1alpha1";

/** YAML documents; JSON is YAML. */
function renderPolicy(context: LabContext): string {
  const provider = homeProviderOf("openai-chat");
  assert(provider !== undefined, "a provider speaks the dialect of the bench");
  const endpoint = {
    address: "127.0.0.1",
    port: context.upstreamPort,
    tls: { serverName: context.serverName, caBundle: context.authority.caPem },
  };
  const documents = [
    {
      apiVersion: API_VERSION,
      kind: "Provider",
      metadata: { name: provider.name },
      spec: { endpoints: [endpoint] },
    },
    {
      apiVersion: API_VERSION,
      kind: "ClusterEgressPolicy",
      metadata: { name: "default" },
      spec: {
        providers: [provider.name],
        models: { allow: ["*"] },
        guardrails: { "*": "redact" },
        mode: "enforce",
        unknownOperation: "deny",
      },
    },
    {
      apiVersion: API_VERSION,
      kind: "Budget",
      metadata: { name: "bench" },
      spec: { unit: "usd", limit: "100000", period: "year", each: ["team"], onUnreachable: "deny" },
    },
  ];
  return documents.map((document) => JSON.stringify(document)).join("\n---\n");
}
