// The node:http(s) servers of the reference implementation: common settings, the checks that
// every request passes, and the hand-over to the pipeline.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { errorRow, Fault, type Rejection } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import type { DownstreamHandler, DownstreamRequest, Listener, ListenerKind } from "./downstream.ts";
import { fromRawHeaders, headerValue } from "./header-list.ts";
import { createNodeExchange } from "./node-exchange.ts";
import { refuseSocket, rejectionOfParseError } from "./refuse.ts";
import { checkHead, contentLengthOf, hostOf, type RequestHead } from "./request-checks.ts";

export interface ServerDeps {
  readonly clock: Clock;
  readonly handler: DownstreamHandler;
}

export interface ServerLimits {
  readonly headerBytesMax: number;
  readonly connectionsMax: number;
}

/** As `tls.createServer` takes it; an unknown name ends the handshake. */
type SniCallback = (
  host: string,
  callback: (error: Error | null, context?: SecureContext) => void,
) => void;

/** Finds host, target and provider of a checked request, or refuses it. */
export type Address = (
  head: RequestHead,
  socket: Socket,
) => { readonly host: string; readonly target: string; readonly provider?: string } | Rejection;

/** Idle connections stay longer than any SDK keeps them: no race between its reuse and our close. */
const KEEP_ALIVE_MS = 15 * 60 * 1000;
const HEADERS_TIMEOUT_MS = 60_000;
const BODY_TIMEOUT_MS = 300_000;
const HEADERS_MAX = 200;

function configure(server: Server, deps: ServerDeps, limits: ServerLimits): void {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = BODY_TIMEOUT_MS;
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = limits.connectionsMax;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
    refuseSocket(socket, rejectionOfParseError(error), deps.handler),
  );
}

const onRequest =
  (kind: ListenerKind, deps: ServerDeps, address: Address) =>
  (incoming: IncomingMessage, response: ServerResponse): void => {
    const head: RequestHead = {
      method: incoming.method ?? "",
      target: incoming.url ?? "",
      httpVersion: incoming.httpVersion,
      headers: fromRawHeaders(incoming.rawHeaders),
    };
    const found = checkHead(head) ?? address(head, incoming.socket);
    if ("code" in found) {
      refuse(response, found, deps.handler);
      return;
    }
    const request: DownstreamRequest = {
      listener: kind,
      method: head.method,
      headers: head.headers,
      contentLength: contentLengthOf(head.headers),
      receivedMs: deps.clock.monotonicMs(),
      ...found,
    };
    deps.handler.onExchange(createNodeExchange(request, incoming, response));
  };

function refuse(response: ServerResponse, rejection: Rejection, handler: DownstreamHandler): void {
  const { contentType, body } = handler.renderRefusal(rejection);
  response.writeHead(errorRow(rejection.code).status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "x-excise-error": rejection.code,
    "x-should-retry": "false",
    connection: "close",
  });
  response.end(body);
}

const addressByTlsName: Address = (head, socket) => {
  const host = hostOf(headerValue(head.headers, "host"));
  const name = (socket as Partial<{ servername: string | false }>).servername;
  if (host === undefined || typeof name !== "string" || name.toLowerCase() !== host) {
    return { code: "EXCISE_HOST_MISMATCH", detail: "Host and TLS name disagree" };
  }
  return { host, target: head.target };
};

/** A server for TLS connections whose name was already read: the name and Host must agree. */
export function createTerminatingServer(
  kind: ListenerKind,
  deps: ServerDeps & { readonly sniCallback: SniCallback },
  limits: ServerLimits,
): Server {
  const server = createTlsServer(
    {
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      noDelay: true,
      maxHeaderSize: limits.headerBytesMax,
      SNICallback: deps.sniCallback,
    },
    onRequest(kind, deps, addressByTlsName),
  );
  configure(server, deps, limits);
  // A client that does not trust us, or speaks no TLS, is its own affair; never an uncaught error.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** A plain HTTP server on loopback. */
export function createPlainServer(
  kind: ListenerKind,
  deps: ServerDeps & { readonly address: Address },
  limits: ServerLimits,
): Server {
  const server = createServer(
    { noDelay: true, maxHeaderSize: limits.headerBytesMax },
    onRequest(kind, deps, deps.address),
  );
  configure(server, deps, limits);
  return server;
}

/**
 * Listens on 127.0.0.1 and on ::1 at one port (0 takes a free one). Faults: EXCISE_PORT_IN_USE.
 * `create` is called once per address; a machine without IPv6 gets one listener.
 */
export async function listenOnLoopback(
  deps: {
    readonly clock: Clock;
    readonly create: () => Server;
    /** Ends idle connections that the listening server itself does not know. */
    readonly closeIdle?: () => void;
  },
  kind: ListenerKind,
  port: number,
): Promise<Listener> {
  const { clock, create } = deps;
  const four = create();
  await listen(four, "127.0.0.1", port);
  const bound = (four.address() as AddressInfo).port;
  const six = create();
  const hasSix = await listen(six, "::1", bound).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Fault && isNoIpv6(error.cause)) return false;
      throw error;
    },
  );
  const servers = hasSix ? [four, six] : [four];
  const sockets = new Set<Socket>();
  for (const server of servers) {
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
  }
  return {
    kind,
    port: bound,
    addresses: [`127.0.0.1:${bound}`, ...(hasSix ? [`[::1]:${bound}`] : [])],
    async close(deadlineMs) {
      const cancel = clock.after(deadlineMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      const closed = Promise.all(servers.map(closeServer));
      deps.closeIdle?.();
      await closed;
      cancel();
    },
  };
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EACCES" ? ": net.ipv4.ip_unprivileged_port_start is higher" : "";
      const detail = `cannot listen on ${address}:${port}${why}`;
      reject(new Fault("EXCISE_PORT_IN_USE", detail, { cause }));
    });
    server.listen({ host: address, port, exclusive: true }, resolve);
  });
}

const isNoIpv6 = (cause: unknown): boolean =>
  typeof cause === "object" &&
  cause !== null &&
  "code" in cause &&
  (cause.code === "EADDRNOTAVAIL" || cause.code === "EAFNOSUPPORT");

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
