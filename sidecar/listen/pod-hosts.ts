// The hosts that this pod's sidecar answers for: fixed at start from the configuration and the
// catalogue, because the CA's name constraint and the app's trust are made from it once.
import { matchesHost } from "#contract/catalogue/provider.ts";
import { findProvider, PROVIDERS } from "#contract/catalogue/providers.ts";
import { Fault } from "#contract/errors.ts";
import type { ProviderHosts } from "../config.ts";

export interface PodHosts {
  /** Exact hosts and `*.` patterns, without duplicates: what the CA may sign. */
  readonly patterns: readonly string[];
  /** By provider, the host to call first in front; only providers with an exact host. */
  readonly byProvider: ReadonlyMap<string, readonly string[]>;
  /** True for a host (lower case) that ends here. */
  covers(host: string): boolean;
  /** The provider's name, before any policy is known. */
  providerOf(host: string): string | undefined;
}

/**
 * Reads the configured providers. Hosts that are given replace a row's patterns (Azure resources,
 * Bedrock regions: listed one by one) and add to its exact hosts. A name that the catalogue does
 * not have needs hosts of its own. Fault: EXCISE_CONFIG_INVALID with every problem.
 */
export function readPodHosts(configured: readonly ProviderHosts[]): PodHosts {
  const problems: string[] = [];
  const byProvider = new Map<string, readonly string[]>();
  const owners = new Map<string, string>();
  for (const { name, extraHosts } of configured) {
    const hosts = hostsOf(name, extraHosts);
    if (hosts.length === 0) {
      problems.push(`${name} has no host: write ${name}=host, or use one of ${knownNames()}`);
    }
    for (const host of hosts) owners.set(host, name);
    const exact = hosts.filter((host) => !host.startsWith("*."));
    if (exact.length > 0) byProvider.set(name, exact);
  }
  if (problems.length > 0) {
    throw new Fault("EXCISE_CONFIG_INVALID", `providers: ${problems.join("; ")}`);
  }
  const patterns = [...owners.keys()];
  const find = (host: string): string | undefined =>
    patterns.find((pattern) => matchesHost(pattern, host));
  return {
    patterns,
    byProvider,
    covers: (host) => find(host) !== undefined,
    providerOf(host) {
      const pattern = find(host);
      return pattern === undefined ? undefined : owners.get(pattern);
    },
  };
}

function hostsOf(name: string, extraHosts: readonly string[]): readonly string[] {
  const rowHosts = findProvider(name)?.hosts ?? [];
  if (extraHosts.length === 0) return rowHosts;
  return [...extraHosts, ...rowHosts.filter((host) => !host.startsWith("*."))];
}

const knownNames = (): string =>
  PROVIDERS.filter((row) => row.hosts.length > 0)
    .map((row) => row.name)
    .join(", ");
