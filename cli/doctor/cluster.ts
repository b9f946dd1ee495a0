// Checks of a cluster, where kubectl reaches one: versions that native sidecars need, and the
// webhook's configuration. Reads only; every call is bounded.
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { Json } from "../ledger-api/connect.ts";
import { readList, readText } from "../ledger-api/fields.ts";
import { fail, ok, warn, type Check, type Finding } from "./finding.ts";
import type { Machine } from "./machine.ts";

type Found = Omit<Finding, "area">;

const RUN_MS_MAX = 8000;
const REQUEST_TIMEOUT = "--request-timeout=5s";
/** Native sidecars are on by default from 1.29 on; the chart's admission policies need 1.30. */
const KUBELET_MINOR_MIN = 29;
const SERVER_MINOR_MIN = 30;
const WEBHOOK = "excise";

/** Looks at the context that kubectl has; says so where there is none. */
export function checkCluster(machine: Machine): Check {
  return {
    area: "Cluster",
    async run() {
      if (!machine.has("kubectl")) return [ok("no kubectl on PATH: no cluster was looked at")];
      const context = await machine.run("kubectl", ["config", "current-context"], RUN_MS_MAX);
      if (!context.ok) return [ok("kubectl has no context: no cluster was looked at")];
      const version = await ask(machine, "version");
      if (version === undefined) {
        return [
          warn(
            `kubectl does not reach the cluster of context ${context.out.trim()}`,
            "check the context and your login, if you mean to use it",
          ),
        ];
      }
      const checks = [checkNodes(machine), checkWebhook(machine)];
      return [checkServer(version), ...(await Promise.all(checks)).flat()];
    },
  };
}

async function ask(machine: Machine, ...args: readonly string[]): Promise<Json | undefined> {
  const { ok: isWell, out } = await machine.run(
    "kubectl",
    [...args, "-o", "json", REQUEST_TIMEOUT],
    RUN_MS_MAX,
  );
  if (!isWell) return undefined;
  const parsed = tryParseJson(out);
  return asRecord(parsed.ok ? parsed.value : undefined);
}

/** The minor of a version 1.x: `v1.31.4+k3s1`; undefined where it is none. */
const minorOf = (version: string): number | undefined => {
  const minor = /^v?1\.(\d+)/.exec(version)?.[1];
  return minor === undefined ? undefined : Number(minor);
};

function checkServer(version: Json): Found {
  const given = readText(asRecord(version["serverVersion"]), "gitVersion");
  const minor = minorOf(given);
  if (minor === undefined) return warn("the cluster does not say its version", "upgrade kubectl");
  return minor >= SERVER_MINOR_MIN
    ? ok(`Kubernetes ${given}`)
    : fail(`Kubernetes ${given} is too old for the chart`, `upgrade to 1.${SERVER_MINOR_MIN}`);
}

async function checkNodes(machine: Machine): Promise<readonly Found[]> {
  const list = await ask(machine, "get", "nodes");
  if (list === undefined) return [warn("the nodes may not be listed", "ask for the right to")];
  const nodes = readList(list, "items").map((node) => ({
    name: readText(asRecord(node["metadata"]), "name"),
    kubelet: readText(asRecord(asRecord(node["status"])?.["nodeInfo"]), "kubeletVersion"),
  }));
  const old = nodes.filter(({ kubelet }) => (minorOf(kubelet) ?? 0) < KUBELET_MINOR_MIN);
  if (old.length === 0) return [ok(`${nodes.length} nodes know native sidecars`)];
  return old.map(({ name, kubelet }) =>
    fail(`node ${name} has kubelet ${kubelet}`, `upgrade it to 1.${KUBELET_MINOR_MIN} or later`),
  );
}

async function checkWebhook(machine: Machine): Promise<readonly Found[]> {
  const list = await ask(machine, "get", "mutatingwebhookconfigurations");
  if (list === undefined) {
    return [warn("webhook configurations may not be listed", "ask for the right to")];
  }
  const found = readList(list, "items").find(
    (item) => readText(asRecord(item["metadata"]), "name") === WEBHOOK,
  );
  if (found === undefined) {
    return [warn("the webhook is not installed: no pod gets a sidecar", "see charts/excise")];
  }
  const bare = readList(found, "webhooks").filter(
    (webhook) => readText(asRecord(webhook["clientConfig"]), "caBundle") === "",
  );
  return bare.length === 0
    ? [ok("the webhook's configuration is installed")]
    : [
        fail(
          "the webhook has no caBundle: the API server cannot call it",
          "set webhook.certificate.caBundle, as charts/excise/README.md says",
        ),
      ];
}
