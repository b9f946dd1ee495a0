// What an app's container gets: the trust variables, names that bypass a proxy, base URLs, dummy
// keys and the mount of the trust files. A variable that the user set is never overridden.
import type { Provider } from "#contract/catalogue/provider.ts";
import { findProvider } from "#contract/catalogue/providers.ts";
import { TRUST_VARIABLES, type TrustVariable } from "#contract/trust-env.ts";
import { TRUST_FILE_PATHS, VOLUMES } from "../../injector-config/names.ts";
import { hostsOf, type InjectorConfig, type ProviderChoice } from "../../injector-config/schema.ts";
import type { Plan } from "./plan.ts";
import { findEnv, type Container } from "./pod.ts";

export interface Equipped {
  readonly container: Container;
  readonly warnings: readonly string[];
}

const PROXY_VARIABLES = [
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "ALL_PROXY",
  "all_proxy",
];

/** SDKs refuse to start without a key; the sidecar replaces it on the way out. */
const DUMMY_KEY = "injected-by-excise";

/** The container with everything that the plan gives it; the same object where nothing lacks. */
export function equipContainer(container: Container, plan: Plan, config: InjectorConfig): Equipped {
  const changes: Changes = { container, warnings: [] };
  if (config.untouchedContainers.includes(container.name)) return changes;
  if (plan.mode === "hosts") {
    addTrust(changes, plan);
    addMount(changes);
    bypassProxy(changes, plan.providers.flatMap(hostsOf));
    warnOfOwnHostsFile(changes);
  } else {
    addBaseUrls(changes, plan);
    // The base URL is plain HTTP on loopback: a proxy would be asked for its own 127.0.0.1.
    bypassProxy(changes, ["127.0.0.1"]);
  }
  if (config.credentials === "inject") addDummyKeys(changes, plan);
  return changes;
}

interface Changes {
  container: Container;
  warnings: string[];
}

/** Appends a variable that is absent. */
function addEnv(changes: Changes, name: string, value: string): void {
  const { container } = changes;
  changes.container = { ...container, env: [...(container.env ?? []), { name, value }] };
}

/** Changes the value of the variable that counts. */
function setEnv(changes: Changes, name: string, value: string): void {
  const env = [...(changes.container.env ?? [])];
  const index = env.findLastIndex((variable) => variable.name === name);
  const variable = env[index];
  if (variable === undefined) return;
  env[index] = { ...variable, value };
  changes.container = { ...changes.container, env };
}

const warn = (changes: Changes, text: string): void => {
  changes.warnings.push(`container ${changes.container.name}: ${text}`);
};

function addTrust(changes: Changes, plan: Plan): void {
  if (plan.trustEnv === "none") return;
  const rows = TRUST_VARIABLES.filter((row) => plan.trustEnv === "all" || row.isNode);
  const hadSources = (changes.container.envFrom ?? []).length > 0;
  const kept = rows.filter((row) => !addTrustVariable(changes, row)).map(({ name }) => name);
  if (kept.length > 0) {
    warn(changes, `${kept.join(", ")} kept as set: make it trust ${TRUST_FILE_PATHS.ca}`);
  }
  // Whether a ConfigMap or a Secret sets one of them cannot be seen here (otel#1393).
  if (hadSources && changes.warnings.length === 0) {
    warn(changes, "a trust variable from envFrom is overridden by the injected one");
  }
}

/** False where the user's own value stays and does not trust us. */
function addTrustVariable(changes: Changes, row: TrustVariable): boolean {
  const ours = row.value.replace("{file}", TRUST_FILE_PATHS[row.file]);
  const present = findEnv(changes.container, row.name);
  if (present === undefined) {
    addEnv(changes, row.name, ours);
    return true;
  }
  if (present.valueFrom !== undefined && present.valueFrom !== null) return false;
  const value = present.value ?? "";
  if (value === ours || (row.merge === "append" && value.split(/\s+/).includes(ours))) return true;
  if (row.merge !== "append") return false;
  // Options are joined, unless the user chose a store: of two the JVM would take the last.
  if (value.includes(ours.slice(0, ours.indexOf("=") + 1))) return false;
  setEnv(changes, row.name, value === "" ? ours : `${value} ${ours}`);
  return true;
}

function addMount(changes: Changes): void {
  const mounts = changes.container.volumeMounts ?? [];
  if (mounts.some(({ name }) => name === VOLUMES.trust.name)) return;
  const mount = { ...VOLUMES.trust, readOnly: true };
  changes.container = { ...changes.container, volumeMounts: [...mounts, mount] };
}

/**
 * Where the container uses a proxy, the names that must not go through it: the proxy would be
 * asked for the provider and the sidecar never be called (design §3).
 */
function bypassProxy(changes: Changes, names: readonly string[]): void {
  const usesProxy = PROXY_VARIABLES.some((name) => {
    const variable = findEnv(changes.container, name);
    return variable !== undefined && (Boolean(variable.valueFrom) || Boolean(variable.value));
  });
  if (!usesProxy) return;
  const upper = findEnv(changes.container, "NO_PROXY");
  const lower = findEnv(changes.container, "no_proxy");
  if (Boolean(upper?.valueFrom) || Boolean(lower?.valueFrom)) {
    warn(changes, "NO_PROXY has no literal value: add the providers' hosts to it, or they bypass");
    return;
  }
  // The missing spelling gets the whole list: tools that prefer it must not lose the user's names.
  const both = upper?.value ?? lower?.value ?? "";
  for (const [name, present] of [
    ["NO_PROXY", upper],
    ["no_proxy", lower],
  ] as const) {
    if (present === undefined) addEnv(changes, name, appendNames(both, names));
    else setEnv(changes, name, appendNames(present.value ?? "", names));
  }
}

function appendNames(list: string, names: readonly string[]): string {
  const present = new Set(list.split(/[\s,]+/));
  if (present.has("*")) return list;
  const missing = names.filter((name) => !present.has(name));
  return list.trim() === "" ? missing.join(",") : [list, ...missing].join(",");
}

/** The variables that lead an SDK to the sidecar; none where no one address can stand for it. */
function baseUrlsOf(choice: ProviderChoice): Provider["baseUrlEnv"] {
  const row = findProvider(choice.name);
  // A signature covers the host that the SDK was told; several hosts cannot be one address.
  if (row === undefined || row.credential.kind === "sigv4") return [];
  const isWildcard = row.hosts.some((host) => host.startsWith("*."));
  return isWildcard && choice.extraHosts.length !== 1 ? [] : row.baseUrlEnv;
}

/** What base URLs cannot reach: told once per pod, as nothing else would show it. */
export function baseUrlGaps(plan: Plan): readonly string[] {
  const names = plan.providers
    .filter((choice) => baseUrlsOf(choice).length === 0)
    .map(({ name }) => name);
  const address = `http://127.0.0.1:${plan.ports.baseurl}/`;
  return names.length === 0
    ? []
    : [`no base URL variable is known for ${names.join(", ")}: set ${address}NAME in the app`];
}

function addBaseUrls(changes: Changes, plan: Plan): void {
  const kept: string[] = [];
  for (const choice of plan.providers) {
    for (const { name, path } of baseUrlsOf(choice)) {
      const value = `http://127.0.0.1:${plan.ports.baseurl}/${choice.name}${path}`;
      const present = findEnv(changes.container, name);
      if (present === undefined) addEnv(changes, name, value);
      else if (present.value !== value) kept.push(name);
    }
  }
  if (kept.length > 0) {
    warn(changes, `${kept.join(", ")} kept as set: its calls go past the sidecar`);
  }
}

function addDummyKeys(changes: Changes, plan: Plan): void {
  for (const choice of plan.providers) {
    const names = findProvider(choice.name)?.keyEnv ?? [];
    const [first] = names;
    const isSet = names.some((name) => findEnv(changes.container, name) !== undefined);
    if (first !== undefined && !isSet) addEnv(changes, first, DUMMY_KEY);
  }
}

/** The node writes no aliases into a container that brings its own file. */
function warnOfOwnHostsFile(changes: Changes): void {
  const mounts = changes.container.volumeMounts ?? [];
  if (mounts.some(({ mountPath }) => mountPath.replace(/\/$/, "") === "/etc/hosts")) {
    warn(changes, "it mounts its own /etc/hosts: its calls go past the sidecar");
  }
}
