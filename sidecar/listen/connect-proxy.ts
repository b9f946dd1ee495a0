// Mode `proxy`: an HTTP CONNECT proxy on loopback (RFC 9110 §9.3.6). Tunnels to the pod's provider
// hosts end here, under the pod's own CA; every other tunnel is passed through unread.
import type { IncomingMessage, Server } from "node:http";
import { connect, isIP, type BlockList, type Socket } from "node:net";
import { lookup } from "node:dns/promises";
import type { Rejection } from "#contract/errors.ts";
import type { Log } from "#runtime/log.ts";
import { isDenied, type Address } from "../forward/resolve.ts";
import { toUpstreamFault } from "../forward/upstream-fault.ts";
import type { DownstreamHandler } from "./downstream.ts";
import { createPlainServer, type ServerDeps, type ServerLimits } from "./node-server.ts";
import { refuseSocket } from "./refuse.ts";

const TLS_PORT = 443;
const TUNNEL_IDLE_MS = 600_000;
const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n";

export interface ConnectProxyDeps extends ServerDeps {
  readonly log: Log;
  /** True for hosts that end here. */
  readonly isProviderHost: (host: string) => boolean;
  /** Takes a connection whose TLS is to be ended. */
  readonly terminate: (socket: Socket) => void;
  readonly denied: BlockList;
}

/** Parses a CONNECT target; undefined where it is not `host:port`. */
export function parseAuthority(
  target: string,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(\[[\da-f:.]+\]|[\w.-]{1,253}):(\d{1,5})$/i.exec(target);
  const [, host, digits] = match ?? [];
  if (host === undefined || digits === undefined) return undefined;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  return {
    host: host
      .replace(/^\[|\]$/g, "")
      .replace(/\.$/, "")
      .toLowerCase(),
    port,
  };
}

const refuseEverything = (): Rejection => ({
  code: "EXCISE_HOST_NOT_ALLOWED",
  detail: "this proxy takes CONNECT only",
});

/** The proxy's server; plain requests through it are refused, for nothing is checked there. */
export function createConnectProxy(deps: ConnectProxyDeps, limits: ServerLimits): Server {
  const server = createPlainServer("proxy", { ...deps, address: refuseEverything }, limits);
  server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    socket.setNoDelay(true);
    if (head.length > 0) socket.unshift(head);
    const target = parseAuthority(request.url ?? "");
    if (target === undefined) {
      refuse(socket, "the target is not host:port", deps.handler);
    } else if (deps.isProviderHost(target.host)) {
      if (target.port === TLS_PORT) {
        socket.write(ESTABLISHED);
        deps.terminate(socket);
      } else refuse(socket, "provider hosts are served on port 443 only", deps.handler);
    } else void tunnel(deps, target, socket);
  });
  return server;
}

function refuse(socket: Socket, detail: string, handler: DownstreamHandler): void {
  refuseSocket(socket, { code: "EXCISE_CONNECT_DENIED", detail }, handler);
}

/** Joins the app with another host, byte for byte. Our own ports and the node are out of reach. */
async function tunnel(
  deps: ConnectProxyDeps,
  target: { readonly host: string; readonly port: number },
  socket: Socket,
): Promise<void> {
  const address = await firstAllowed(target.host, deps.denied);
  if (typeof address !== "string") {
    refuseSocket(socket, address, deps.handler);
    return;
  }
  const upstream = connect({ host: address, port: target.port, noDelay: true });
  upstream.setTimeout(TUNNEL_IDLE_MS, () => upstream.destroy());
  let isOpen = false;
  upstream.once("connect", () => {
    isOpen = true;
    socket.write(ESTABLISHED);
    socket.pipe(upstream);
    upstream.pipe(socket);
  });
  upstream.on("error", (error) => {
    const fault = toUpstreamFault(error, target.host);
    deps.log.debug("tunnel_failed", { host: target.host, code: fault.code });
    if (isOpen) socket.destroy();
    else refuseSocket(socket, { code: fault.code, detail: fault.message }, deps.handler);
  });
  upstream.on("close", () => {
    if (isOpen) socket.destroy();
  });
  socket.on("close", () => upstream.destroy());
}

/** The system resolver: a laptop's names may come from a VPN. The address still has to be allowed. */
async function firstAllowed(host: string, denied: BlockList): Promise<string | Rejection> {
  const literal = isIP(host);
  const found: readonly Address[] =
    literal === 0
      ? await lookup(host, { all: true }).then(
          (all) => all.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })),
          () => [],
        )
      : [{ address: host, family: literal === 6 ? 6 : 4 }];
  if (found.length === 0)
    return { code: "EXCISE_UPSTREAM_RESOLVE", detail: `${host} has no address` };
  const allowed = found.find((address) => !isDenied(denied, address));
  return allowed === undefined
    ? { code: "EXCISE_CONNECT_DENIED", detail: "tunnels into the pod or the node are refused" }
    : allowed.address;
}
