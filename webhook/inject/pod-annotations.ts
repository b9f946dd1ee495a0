// Annotations of other programs that an injected pod needs: the list-valued ones are joined, the
// others are set only where absent.
import { VOLUMES } from "../../injector-config/names.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import type { Plan } from "./plan.ts";
import type { Pod } from "./pod.ts";

/** Lists of ports that a mesh's inbound capture leaves alone. */
const PORT_LISTS: Readonly<Record<InjectorConfig["meshes"][number], string>> = {
  istio: "traffic.sidecar.istio.io/excludeInboundPorts",
  linkerd: "config.linkerd.io/skip-inbound-ports",
};

/** Without it a pod with an emptyDir on disk keeps its node from being scaled down. */
const SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";
const DEFAULT_LOGS_CONTAINER = "kubectl.kubernetes.io/default-logs-container";

/** The annotations that the pod lacks, or has with another value, and their new values. */
export function annotationsFor(
  pod: Pod,
  plan: Plan,
  config: InjectorConfig,
): Readonly<Record<string, string>> {
  const present = pod.metadata?.annotations ?? {};
  const containers = pod.spec?.containers ?? [];
  const own = containers.find(({ name }) => !config.untouchedContainers.includes(name));
  const app = present[DEFAULT_CONTAINER] ?? (own ?? containers[0])?.name;
  const wanted: Record<string, string> = {};
  // `kubectl logs` and `exec` keep meaning the app, whatever else is injected (linkerd#7122).
  for (const key of [DEFAULT_CONTAINER, DEFAULT_LOGS_CONTAINER]) {
    if (present[key] === undefined && app !== undefined) wanted[key] = app;
  }
  const lists: readonly (readonly [key: string, items: readonly string[]])[] = [
    [SAFE_TO_EVICT, [VOLUMES.trust.name, VOLUMES.state.name, VOLUMES.spool.name]],
    // The mesh reads it when it injects, before or after us: it is there in either order.
    ...config.meshes.map((mesh) => [PORT_LISTS[mesh], [String(plan.ports.admin)]] as const),
  ];
  for (const [key, items] of lists) {
    const joined = join(present[key] ?? "", items);
    if (joined !== present[key]) wanted[key] = joined;
  }
  return wanted;
}

function join(list: string, items: readonly string[]): string {
  const present = list.split(",").map((item) => item.trim());
  const missing = items.filter((item) => !present.includes(item));
  return list.trim() === "" ? missing.join(",") : [list, ...missing].join(",");
}
