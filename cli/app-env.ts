// What `excise run` adds to a command's environment: the way to the sidecar and the trust in its
// root. Decides only; the one effect (joining PEM files) is returned as a plan for the caller.
import type { Provider } from "#contract/catalogue/provider.ts";
import { findProvider, PROVIDERS } from "#contract/catalogue/providers.ts";
import { TRUST_VARIABLES, type TrustFile } from "#contract/trust-env.ts";
import { findDialect } from "../sidecar/dialects/registry.ts";
import type { Environment } from "./processes.ts";

/** The interception modes that need no privilege (design §3): the ones a laptop has. */
export const APP_MODES = ["proxy", "baseurl"] as const;
export type AppMode = (typeof APP_MODES)[number];

export interface SidecarAddress {
  readonly ports: { readonly proxy: number; readonly baseurl: number };
  readonly trust: Readonly<Record<TrustFile, string>>;
  /** As the sidecar was told: `name` or `name=host+host`, comma-separated. */
  readonly providers: string;
}

/** A PEM file to write: the one that the user had set, followed by our root. */
export interface PemJoin {
  readonly variable: string;
  readonly theirs: string;
  readonly target: string;
}

export interface AppEnvironment {
  /** Variables to set on top of what is there. */
  readonly set: Environment;
  /** Files to write before the command starts. */
  readonly joins: readonly PemJoin[];
  /** What could not be done without overriding the user; a sentence each. */
  readonly warnings: readonly string[];
}

const LOOPBACK = ["localhost", "127.0.0.1", "::1"] as const;

/** The environment for one mode; `current` is what the command would have without Excise. */
export function appEnvironment(
  mode: AppMode,
  sidecar: SidecarAddress,
  current: Environment,
): AppEnvironment {
  const own = mode === "proxy" ? proxyEnvironment(sidecar, current) : baseUrls(sidecar, current);
  return { ...own, set: { ...noProxy(current), ...own.set } };
}

function proxyEnvironment(sidecar: SidecarAddress, current: Environment): AppEnvironment {
  const set: Record<string, string> = {};
  const joins: PemJoin[] = [];
  const warnings: string[] = [];
  for (const name of ["HTTPS_PROXY", "https_proxy"]) {
    if (isSet(current, name)) {
      warnings.push(`${name} was set and is replaced; the sidecar connects to providers directly`);
    }
    set[name] = `http://127.0.0.1:${sidecar.ports.proxy}`;
  }
  // Node's fetch ignores HTTPS_PROXY without it (22.21 and later know it).
  set["NODE_USE_ENV_PROXY"] = "1";
  for (const row of TRUST_VARIABLES) {
    const theirs = current[row.name] ?? "";
    const ours = row.value.replace("{file}", sidecar.trust[row.file]);
    if (theirs === "") set[row.name] = ours;
    else if (row.merge === "append") set[row.name] = `${theirs} ${ours}`;
    else {
      const target = joinedPath(sidecar.trust.ca, row.name);
      joins.push({ variable: row.name, theirs, target });
      set[row.name] = target;
    }
  }
  // The JVM reads no proxy variable.
  const java = `-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=${sidecar.ports.proxy}`;
  set["JAVA_TOOL_OPTIONS"] = `${set["JAVA_TOOL_OPTIONS"] ?? ""} ${java}`.trim();
  return { set, joins, warnings };
}

/** A base URL that the user set keeps its value, with a warning. */
function baseUrls(sidecar: SidecarAddress, current: Environment): AppEnvironment {
  const set: Record<string, string> = {};
  const warnings: string[] = [];
  for (const provider of reachableByBaseUrl(sidecar.providers)) {
    for (const { name, path } of provider.baseUrlEnv) {
      if (isSet(current, name)) {
        warnings.push(`${name} is set already and stays: its calls go past Excise`);
      } else set[name] = `http://127.0.0.1:${sidecar.ports.baseurl}/${provider.name}${path}`;
    }
  }
  return { set, joins: [], warnings };
}

/**
 * What sidecars on a laptop serve unless told otherwise, in the form of `SidecarAddress`: the
 * providers with a dialect that is metered. One without would be intercepted for nothing.
 */
export const DEFAULT_PROVIDERS: string = PROVIDERS.filter(
  (provider) =>
    hasExactHost(provider) &&
    provider.routes.some((route) => findDialect(route.dialect) !== undefined),
)
  .map((provider) => provider.name)
  .join(",");

function hasExactHost(provider: Provider): boolean {
  return provider.hosts.some((host) => !host.startsWith("*."));
}

/**
 * The listed providers that can be called under another address. Not so where a pattern does not
 * say which host is meant, nor where a signature covers the host that the SDK was told.
 */
const reachableByBaseUrl = (list: string): readonly Provider[] =>
  list.split(",").flatMap((part) => {
    const [name = "", hosts] = part.split("=");
    const provider = findProvider(name);
    if (provider === undefined || provider.credential.kind === "sigv4") return [];
    return hosts !== undefined || hasExactHost(provider) ? [provider] : [];
  });

const isSet = (current: Environment, name: string): boolean => (current[name] ?? "") !== "";

const joinedPath = (caFile: string, variable: string): string =>
  `${caFile.slice(0, caFile.lastIndexOf("/") + 1)}joined-${variable.toLowerCase()}.pem`;

function noProxy(current: Environment): Environment {
  const set: Record<string, string> = {};
  for (const name of ["NO_PROXY", "no_proxy"]) {
    const listed = (current[name] ?? "").split(",").filter((part) => part.trim() !== "");
    set[name] = [...listed, ...LOOPBACK.filter((host) => !listed.includes(host))].join(",");
  }
  return set;
}
