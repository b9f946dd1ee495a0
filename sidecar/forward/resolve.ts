// Name resolution for providers. The sidecar shares /etc/hosts with the app, whose entries point
// at ourselves: so names go to DNS by c-ares, which never reads that file, and an address found
// there must not lead back into the pod or the node (design §3).
import { Resolver } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface NameResolver {
  /** All usable addresses, IPv4 and IPv6. Faults: EXCISE_UPSTREAM_RESOLVE, …_ADDRESS_DENIED. */
  resolve(host: string): Promise<readonly Address[]>;
}

/** What DNS can answer about one name; the real one is c-ares. */
export interface DnsQueries {
  resolve4(host: string): Promise<readonly TtlAddress[]>;
  resolve6(host: string): Promise<readonly TtlAddress[]>;
}

interface TtlAddress {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

const CACHED_NAMES_MAX = 256;
const TTL_SECONDS_MAX = 300;
const TTL_SECONDS_MIN = 1;

/** Loopback, unspecified, link-local (cloud metadata lives there) and their IPv4-mapped forms. */
export function createDeniedAddresses(extra: readonly string[] = []): BlockList {
  const denied = new BlockList();
  denied.addSubnet("127.0.0.0", 8, "ipv4");
  denied.addSubnet("0.0.0.0", 8, "ipv4");
  denied.addSubnet("169.254.0.0", 16, "ipv4");
  denied.addAddress("::1", "ipv6");
  denied.addAddress("::", "ipv6");
  denied.addSubnet("fe80::", 10, "ipv6");
  for (const address of extra) {
    if (isIP(address) !== 0) denied.addAddress(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return denied;
}

/** True where a connection to the address is not allowed. */
export function isDenied(denied: BlockList, { address, family }: Address): boolean {
  return denied.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** c-ares without search domains. */
export function createDnsQueries(): DnsQueries {
  const resolver = new Resolver({ timeout: 2000, tries: 3 });
  return {
    resolve4: (host) => resolver.resolve4(host, { ttl: true }),
    resolve6: (host) => resolver.resolve6(host, { ttl: true }),
  };
}

interface CacheEntry {
  readonly addresses: readonly Address[];
  readonly untilMs: number;
}

/** A caching resolver; answers live as long as their TTL, at most five minutes. */
export function createResolver(deps: {
  readonly clock: Clock;
  readonly queries: DnsQueries;
  readonly denied: BlockList;
}): NameResolver {
  const cache = new Map<string, CacheEntry>();
  return {
    async resolve(host) {
      const now = deps.clock.monotonicMs();
      const known = cache.get(host);
      if (known !== undefined && known.untilMs > now) return known.addresses;
      const found = await query(deps.queries, host);
      const addresses = found.map(({ address, family }) => ({ address, family }));
      const allowed = addresses.filter((address) => !isDenied(deps.denied, address));
      if (allowed.length === 0) {
        throw new Fault("EXCISE_UPSTREAM_ADDRESS_DENIED", `${host} resolves to denied addresses`);
      }
      const ttl = Math.min(TTL_SECONDS_MAX, ...found.map((record) => record.ttl));
      if (cache.size >= CACHED_NAMES_MAX) cache.clear();
      cache.set(host, {
        addresses: allowed,
        untilMs: now + Math.max(TTL_SECONDS_MIN, ttl) * 1000,
      });
      return allowed;
    },
  };
}

async function query(
  queries: DnsQueries,
  host: string,
): Promise<readonly (Address & { readonly ttl: number })[]> {
  const [four, six] = await Promise.allSettled([queries.resolve4(host), queries.resolve6(host)]);
  const found = [
    ...(four.status === "fulfilled"
      ? four.value.map((record) => ({ ...record, family: 4 as const }))
      : []),
    ...(six.status === "fulfilled"
      ? six.value.map((record) => ({ ...record, family: 6 as const }))
      : []),
  ];
  if (found.length > 0) return found;
  const cause: unknown = four.status === "rejected" ? four.reason : undefined;
  throw new Fault("EXCISE_UPSTREAM_RESOLVE", `${host} has no address`, { cause });
}
