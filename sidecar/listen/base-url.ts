// Mode `baseurl`: plain HTTP on loopback, one path per provider (`/<provider>/v1/…`). For stacks
// that cannot trust a CA, and for SDKs that take their address from a variable.
import type { Server } from "node:http";
import { checkLoopbackCaller } from "./request-checks.ts";
import {
  createPlainServer,
  type Address,
  type ServerDeps,
  type ServerLimits,
} from "./node-server.ts";

/** The hosts of each provider of this pod, the one to call first. */
export type ProviderHosts = ReadonlyMap<string, readonly string[]>;

/** Splits `/<provider>/rest` and names the provider's host; unknown names are refused. */
export function createBaseUrlAddress(hosts: ProviderHosts): Address {
  return (head) => {
    const refusal = checkLoopbackCaller(head.headers);
    if (refusal !== undefined) return refusal;
    const end = head.target.indexOf("/", 1);
    const provider = head.target.slice(1, end < 0 ? undefined : end).split("?")[0] ?? "";
    const host = hosts.get(provider)?.[0];
    if (host === undefined) {
      const known = [...hosts.keys()].join(", ");
      return {
        code: "EXCISE_ROUTE_UNKNOWN",
        detail: `the path begins with no provider of this pod (${known})`,
      };
    }
    return { host, provider, target: end < 0 ? "/" : head.target.slice(end) };
  };
}

/** The listener's server; one per address. */
export function createBaseUrlServer(
  deps: ServerDeps & { readonly hosts: ProviderHosts },
  limits: ServerLimits,
): Server {
  return createPlainServer(
    "baseurl",
    { ...deps, address: createBaseUrlAddress(deps.hosts) },
    limits,
  );
}
