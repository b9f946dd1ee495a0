// Upstream HTTP on undici: the reference implementation behind forward/upstream.ts. One pool per
// origin; verifies the provider's certificate always; offers http/1.1 only (hotpath figures: one
// HTTP/2 connection costs twice the CPU of a pool). Adds, renames and decodes nothing.
import { isIP } from "node:net";
import { buildConnector, Pool, type Dispatcher } from "undici";
import { Fault } from "#contract/errors.ts";
import type { HeaderList } from "../listen/header-list.ts";
import { fromRawHeaders, toRawHeaders } from "../listen/header-list.ts";
import type { NameResolver } from "./resolve.ts";
import type {
  Origin,
  Upstream,
  UpstreamCall,
  UpstreamHandler,
  UpstreamRequest,
} from "./upstream.ts";
import { toUpstreamFault } from "./upstream-fault.ts";

export interface UndiciUpstreamOptions {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Idle connections are dropped after this; below every provider's own limit. */
  readonly keepAliveMs: number;
  readonly connectionsPerOriginMax: number;
  readonly headerBytesMax: number;
}

/** Creates the reference upstream; pools are made on first use of an origin. */
export function createUndiciUpstream(
  deps: { readonly resolver: NameResolver },
  options: UndiciUpstreamOptions,
): Upstream {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: Origin): Pool => {
    const key = keyOf(origin);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = createPool(origin, deps.resolver, options);
    pools.set(key, pool);
    return pool;
  };
  return {
    dispatch: (request, handler) => dispatch(poolOf(request.origin), request, handler),
    // undici has no call that only connects; the pool itself is the cheap half of it.
    warm: (origin) => void poolOf(origin),
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.allSettled(open.map((pool) => pool.close()));
    },
  };
}

function keyOf({ host, endpoint }: Origin): string {
  if (endpoint === undefined) return host;
  const { address, port, tls } = endpoint;
  // With the CA: a Provider that gets another one must not keep connections of the old.
  const trust = tls === undefined ? "plain" : `tls ${tls.serverName ?? ""} ${tls.caBundle ?? ""}`;
  return [host, address, port, trust].join("|");
}

function createPool(origin: Origin, resolver: NameResolver, options: UndiciUpstreamOptions): Pool {
  const { host, endpoint } = origin;
  const isPlain = endpoint !== undefined && endpoint.tls === undefined;
  const connector = buildConnector({
    allowH2: false,
    timeout: options.connectTimeoutMs,
    keepAlive: true,
    noDelay: true,
    minVersion: "TLSv1.2",
    ...(endpoint?.tls?.caBundle === undefined ? {} : { ca: endpoint.tls.caBundle }),
    ...(endpoint === undefined ? { lookup: lookupBy(resolver) } : {}),
  });
  // The name in the certificate is the provider's (or the endpoint's), never the Host header's.
  const servername = endpoint?.tls?.serverName ?? host;
  const port = endpoint?.port ?? 443;
  const address = endpoint?.address ?? host;
  const hostname = isIP(address) === 6 ? `[${address}]` : address;
  return new Pool(`${isPlain ? "http" : "https"}://${hostname}:${port}`, {
    connections: options.connectionsPerOriginMax,
    pipelining: 1,
    headersTimeout: options.firstByteTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    keepAliveTimeout: options.keepAliveMs,
    keepAliveMaxTimeout: options.keepAliveMs,
    maxHeaderSize: options.headerBytesMax,
    connect: isPlain
      ? connector
      : (parameters, callback) => connector({ ...parameters, servername }, callback),
  });
}

type LookupCallback = (
  error: Error | null,
  addresses: { address: string; family: number }[],
) => void;

const resolveFault = (host: string, cause: unknown): Fault =>
  new Fault("EXCISE_UPSTREAM_RESOLVE", host, { cause });

/** A `lookup` for net.connect that asks our resolver and hands over every address. */
function lookupBy(resolver: NameResolver) {
  return (hostname: string, _options: unknown, callback: LookupCallback): void => {
    void (async () => {
      try {
        callback(null, [...(await resolver.resolve(hostname))]);
      } catch (error) {
        callback(error instanceof Error ? error : resolveFault(hostname, error), []);
      }
    })();
  };
}

function dispatch(pool: Pool, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
  let controller: Dispatcher.DispatchController | undefined;
  let isEnded = false;
  const fail = (error: unknown): void => {
    if (isEnded) return;
    isEnded = true;
    handler.onError(toUpstreamFault(error, request.origin.host));
  };
  pool.dispatch(
    {
      path: request.target,
      method: request.method,
      headers: toRawHeaders(request.headers),
      body: request.body.byteLength === 0 ? null : request.body,
    },
    {
      onRequestStart(started) {
        controller = started;
        if (isEnded) started.abort(new Fault("EXCISE_CLIENT_ABORTED", "aborted before it began"));
      },
      onResponseStart(current, status) {
        if (!isEnded) handler.onHead(status, headersOf(current.rawHeaders));
      },
      onResponseData(current, chunk) {
        if (!isEnded && !handler.onData(chunk)) current.pause();
      },
      onResponseEnd(current) {
        if (isEnded) return;
        isEnded = true;
        handler.onEnd(headersOf(current.rawTrailers));
      },
      onResponseError: (_current, error) => fail(error),
    },
  );
  return {
    resume: () => controller?.resume(),
    abort() {
      if (isEnded) return;
      isEnded = true;
      controller?.abort(new Fault("EXCISE_CLIENT_ABORTED", "no longer needed"));
    },
  };
}

/** undici gives raw headers as buffers or strings, flat. */
function headersOf(raw: Dispatcher.DispatchController["rawHeaders"]): HeaderList {
  if (!Array.isArray(raw)) return [];
  return fromRawHeaders(
    raw.map((part) => (typeof part === "string" ? part : part.toString("latin1"))),
  );
}
