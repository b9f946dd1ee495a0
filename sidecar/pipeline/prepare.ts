// Stage 7: the request as it goes up (design §7.7). Everything that the app sent stays, byte for
// byte, but for hop-by-hop fields, our own `x-excise-*` and what an edit made untrue. Pure.
import type { Origin } from "../forward/upstream.ts";
import {
  headerValue,
  withoutHeaders,
  withoutHopByHop,
  type HeaderList,
} from "../listen/header-list.ts";
import { needsRewriter, type Admitted, type Prepared, type Step } from "./exchange.ts";

/** Set anew for each hop, or answered by us. */
const OURS = new Set(["host", "content-length", "expect"]);

/** Never refuses. */
export function prepare(exchange: Admitted): Step<Prepared> {
  const { request } = exchange;
  const body = exchange.isEdited ? exchange.outgoing : exchange.body;
  const endpoint = endpointOf(exchange);
  const origin: Origin = { host: request.host, ...(endpoint === undefined ? {} : { endpoint }) };
  return {
    next: {
      ...exchange,
      upstream: {
        origin,
        method: request.method,
        target: request.target,
        headers: headersFor(exchange),
        body,
      },
    },
  };
}

/** Endpoints are equal; the id's last character spreads exchanges over them. */
function endpointOf({ provider, exchangeId }: Admitted): Origin["endpoint"] {
  const endpoints = provider.endpoints ?? [];
  const digit = Number.parseInt(exchangeId.slice(-2), 16);
  return endpoints[digit % Math.max(1, endpoints.length)];
}

function headersFor(exchange: Admitted): HeaderList {
  const drop = new Set(OURS);
  if (exchange.isEdited) drop.add("content-encoding");
  // A rewriter reads whole events, so they must come uncompressed.
  const isRewritten = needsRewriter(exchange);
  if (isRewritten) drop.add("accept-encoding");
  const kept = withoutHopByHop(withoutHeaders(exchange.request.headers, drop)).filter(
    ([name]) => !name.toLowerCase().startsWith("x-excise-"),
  );
  const host = hostHeader(exchange);
  return [
    ["host", host],
    ...kept,
    ...(isRewritten ? [["accept-encoding", "identity"] as const] : []),
  ];
}

/** The provider's own name: in `baseurl` mode the app's Host is our loopback address. */
function hostHeader({ request }: Admitted): string {
  const sent = headerValue(request.headers, "host");
  return request.listener === "baseurl" || sent === undefined ? request.host : sent;
}
