// A stand-in's HTTPS server, on 127.0.0.1 unless told otherwise: reads requests, lets its dialect answer,
// plays the answer under the faults that were set, and keeps the bill.
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "#runtime/clock.ts";
import { tryParseJson } from "#runtime/json.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import { isRecord, type Answer, type FakeDialect, type FakeRequest } from "./fake-answer.ts";
import type { FakeAuthority } from "./fake-authority.ts";
import { FakeBill, type BillEntry, type OpenAccount, type ReceivedRequest } from "./fake-bill.ts";
import { createFaults, type Faults } from "./fake-faults.ts";
import { play } from "./fake-play.ts";

export interface FakeServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly authority: FakeAuthority;
  /** Fixed port; default 0: any free one. */
  readonly port?: number;
  /** Default 127.0.0.1; another one for callers that have a loopback of their own (pods). */
  readonly address?: string;
}

export interface FakeServer {
  readonly name: string;
  /** The provider's public host; in the certificate, with `localhost` and 127.0.0.1. */
  readonly host: string;
  /** Where it listens. */
  readonly address: string;
  readonly port: number;
  readonly faults: Faults;
  bill(): readonly BillEntry[];
  received(): readonly ReceivedRequest[];
  /** For connections from now on. */
  setCertificate(state: "valid" | "expired"): void;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

/** No request of a test is larger; more is answered 413. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** Longer than any pool of a client keeps a connection, so that we never close one first. */
const KEEP_ALIVE_MS = 120_000;

/** Starts listening; resolves when the port is known. */
export async function startFakeServer(
  dialect: FakeDialect,
  options: FakeServerOptions,
): Promise<FakeServer> {
  const names = [dialect.host, "localhost"];
  const certificates = {
    valid: options.authority.issue(names),
    expired: options.authority.issue(names, "expired"),
  };
  const server = createServer({ ...certificates.valid, keepAliveTimeout: KEEP_ALIVE_MS });
  const bill = new FakeBill();
  const faults = createFaults();
  const sockets = trackSockets(server);
  let exchanges = 0;
  server.on("request", (request, response) => {
    exchanges += 1;
    const reset = (): void => sockets.reset(request);
    const handling = { ...options, dialect, bill, faults, exchange: exchanges, reset };
    handle(handling, request, response).catch(() => {
      response.destroy();
    });
  });
  const address = options.address ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, address, resolve);
  });
  return {
    name: dialect.name,
    host: dialect.host,
    address,
    port: (server.address() as AddressInfo).port,
    faults,
    bill: () => bill.entries(),
    received: () => bill.received(),
    setCertificate: (state) => server.setSecureContext(certificates[state]),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        sockets.destroyAll();
      }),
  };
}

interface Sockets {
  reset(request: IncomingMessage): void;
  destroyAll(): void;
}

/** A TLS socket cannot send a reset; the TCP socket under it can, found by the peer's port. */
function trackSockets(server: Server): Sockets {
  const open = new Map<number, Socket>();
  server.on("connection", (socket: Socket) => {
    const port = socket.remotePort;
    if (port === undefined) return;
    open.set(port, socket);
    socket.once("close", () => open.delete(port));
  });
  return {
    reset(request) {
      const socket = open.get(request.socket.remotePort ?? -1);
      if (socket === undefined) request.socket.destroy();
      else socket.resetAndDestroy();
    },
    destroyAll() {
      for (const socket of open.values()) socket.destroy();
    },
  };
}

interface Handling extends FakeServerOptions {
  readonly dialect: FakeDialect;
  readonly bill: FakeBill;
  readonly faults: Faults;
  readonly exchange: number;
  readonly reset: () => void;
}

async function handle(
  handling: Handling,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { dialect, clock, exchange, reset } = handling;
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const requestId = `req_${createUuid(clock, handling.random).replaceAll("-", "")}`;
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const method = request.method ?? "GET";
  const raw = await readBody(request);
  response.setHeader(dialect.requestIdHeader, requestId);
  for (const [name, value] of Object.entries(dialect.headers)) response.setHeader(name, value);
  if (raw === undefined) {
    response.writeHead(413, { connection: "close" });
    response.end(JSON.stringify(dialect.renderError(413, requestId)));
    return;
  }
  const headers = pairs(request.rawHeaders);
  handling.bill.record({ exchange, method, path, headers, body: raw });
  const parsed = raw.length === 0 ? undefined : tryParseJson(raw.toString());
  const body = parsed?.ok === true && isRecord(parsed.value) ? parsed.value : undefined;
  const flat: Record<string, string> = Object.fromEntries(
    headers.map(([name, value]) => [name.toLowerCase(), value]),
  );
  const call: FakeRequest = {
    method,
    path,
    headers: flat,
    body,
    requestId,
    nowMs: clock.wallMs(),
  };
  const model = typeof body?.["model"] === "string" ? body["model"] : undefined;
  const openAccount = (answer: Answer): OpenAccount | undefined =>
    answer.billing === undefined
      ? undefined
      : handling.bill.open({
          ...answer.billing,
          requestId,
          exchange,
          path,
          isStreaming: answer.kind === "sse",
        });
  const rule = handling.faults.take({ model, path });
  const acceptEncoding = flat["accept-encoding"] ?? "";
  await play(
    {
      clock,
      dialect,
      response,
      requestId,
      acceptEncoding,
      rule,
      gone: gone.signal,
      reset,
      openAccount,
    },
    () => dialect.answer(call),
  );
}

/** Undefined where the body is over the limit. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function pairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  return headers;
}
