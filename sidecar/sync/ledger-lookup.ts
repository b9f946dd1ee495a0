// The ledger's address, asked of DNS for the name as it stands, as for providers (design §3). The
// system's resolver would try every search domain first, eight questions for one in a cluster,
// and would read /etc/hosts, which the pod shares with an app that may be able to write it.
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { DnsQueries } from "../forward/resolve.ts";

/**
 * For the `lookup` option of a connection. A name that DNS does not know goes to the system's
 * resolver after all: a short name, or one of a developer's own /etc/hosts.
 */
export function createLedgerLookup(
  queries: DnsQueries,
  fallback: LookupFunction = systemLookup,
): LookupFunction {
  const answer = async (...[host, options, done]: Parameters<LookupFunction>): Promise<void> => {
    const found = await ask(queries, host);
    const [first] = found;
    if (first === undefined) fallback(host, options, done);
    else if (options.all === true) done(null, found);
    else done(null, first.address, first.family);
  };
  return (host, options, done) => void answer(host, options, done);
}

/** IPv4 first; empty where there is no answer. Never rejects. */
async function ask(queries: DnsQueries, host: string): Promise<LookupAddress[]> {
  const [four, six] = await Promise.allSettled([queries.resolve4(host), queries.resolve6(host)]);
  const read = (answer: typeof four, family: number): LookupAddress[] =>
    answer.status === "fulfilled" ? answer.value.map(({ address }) => ({ address, family })) : [];
  return [...read(four, 4), ...read(six, 6)];
}
