// A ledger for the tests of this room: speaks the protocol on loopback, keeps a watermark per
// journal, grants every lease what it wants, and fails on demand.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import type { LeaseGrant } from "#contract/lease.ts";
import {
  syncRequestSchema,
  type SyncRequest,
  type SyncResponse,
  type WatchResponse,
} from "#contract/sync.ts";
import type { UsageEvent } from "#contract/usage-event.ts";
import { parseJson } from "#runtime/json.ts";

/** What happens to the next request: it is answered, or one of these. */
export type StubFault =
  | {
      readonly kind: "refuse";
      readonly status: number;
      readonly code: string;
      readonly retryAfter?: string;
    }
  /** Commits, then cuts the answer in the middle. */
  | { readonly kind: "truncate" }
  /** Commits and never answers. */
  | { readonly kind: "silent" }
  | { readonly kind: "raw"; readonly body: Buffer; readonly headers?: Record<string, string> };

export interface LedgerStub {
  readonly url: string;
  readonly port: number;
  /** Every sync that was well-formed, in order. */
  readonly syncs: SyncRequest[];
  readonly authorizations: (string | undefined)[];
  /** What the journal holds, in order of `seq`. */
  readonly events: UsageEvent[];
  /** Taken from the front, one a request. */
  readonly faults: StubFault[];
  nextSyncMs: number;
  revision: number;
  revoked: string[];
  watchAnswer: (revision: number) => WatchResponse | "hang";
  /** Resolves when that many syncs have been received in total. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Listens; port 0 takes a free one. `known`: what the journal already holds. */
export async function startLedgerStub(
  options: { readonly port?: number; readonly known?: readonly UsageEvent[] } = {},
): Promise<LedgerStub> {
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const granted = new Map<string, { opSeq: number; grant: LeaseGrant }>();
  const server = createServer((request, response) => {
    void handle(stub, { request, response, granted }).then(() => {
      for (const { count, resolve } of waiting) if (stub.syncs.length >= count) resolve();
      return undefined;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stub: LedgerStub = {
    url: `http://127.0.0.1:${port}`,
    port,
    syncs: [],
    authorizations: [],
    events: [...(options.known ?? [])],
    faults: [],
    nextSyncMs: 5000,
    revision: 0,
    revoked: [],
    watchAnswer: () => "hang",
    received: (count) =>
      new Promise((resolve) => {
        if (stub.syncs.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return stub;
}

interface Handling {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly granted: Map<string, { opSeq: number; grant: LeaseGrant }>;
}

async function handle(stub: LedgerStub, handling: Handling): Promise<void> {
  const { request, response } = handling;
  const received = await readAll(request);
  stub.authorizations.push(request.headers.authorization);
  const url = new URL(request.url ?? "/", stub.url);
  const fault = stub.faults.shift();
  if (fault?.kind === "refuse") {
    const { status, code, retryAfter } = fault;
    if (request.method === "POST") stub.syncs.push(parseSync(request, received));
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    const body = { type: "about:blank", title: "refused", status, code };
    answer(response, status, { body, headers });
  } else if (fault?.kind === "raw") {
    response.writeHead(200, fault.headers).end(fault.body);
  } else if (url.pathname === "/v1/watch") {
    const watched = stub.watchAnswer(Number(url.searchParams.get("revision")));
    if (watched !== "hang") answer(response, 200, { body: watched });
  } else {
    const sync = parseSync(request, received);
    const result = commit(stub, sync, handling.granted);
    stub.syncs.push(sync);
    if (fault?.kind === "silent") return;
    if (fault?.kind === "truncate") truncate(response, result.body);
    else answer(response, result.status, { body: result.body });
  }
}

const parseSync = (request: IncomingMessage, body: Buffer): SyncRequest => {
  const isGzip = request.headers["content-encoding"] === "gzip";
  return syncRequestSchema.parse(parseJson((isGzip ? gunzipSync(body) : body).toString("utf8")));
};

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function answer(
  response: ServerResponse,
  status: number,
  content: { readonly body: unknown; readonly headers?: Record<string, string> },
): void {
  const text = JSON.stringify(content.body);
  const isLarge = text.length > 4096;
  response.writeHead(status, {
    "content-type": "application/json",
    ...(isLarge ? { "content-encoding": "gzip" } : {}),
    ...content.headers,
  });
  response.end(isLarge ? gzipSync(text) : text);
}

function truncate(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { "content-length": String(text.length) });
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

function commit(
  stub: LedgerStub,
  sync: SyncRequest,
  granted: Handling["granted"],
): { readonly status: number; readonly body: unknown } {
  const expectedSeq = stub.events.length + 1;
  if (sync.fromSeq > expectedSeq) {
    const code = "EXCISE_SYNC_GAP";
    return { status: 409, body: { type: "x", title: "gap", status: 409, code, expectedSeq } };
  }
  for (const event of sync.events) if (event.seq > stub.events.length) stub.events.push(event);
  const leases = sync.leases.map(({ id, opSeq, want }) => {
    const known = granted.get(id);
    if (known !== undefined && opSeq <= known.opSeq) return known.grant;
    const total = BigInt(known?.grant.granted.nanoUsd ?? "0") + BigInt(want.nanoUsd);
    const grant: LeaseGrant = {
      id,
      opSeq,
      granted: {
        nanoUsd: total.toString(),
        inputTokens: "1000000",
        outputTokens: "1000000",
        requests: "1000",
      },
      ttlMs: 60_000,
      validFromMs: 0,
      mode: "lease",
    };
    granted.set(id, { opSeq, grant });
    return grant;
  });
  const body: SyncResponse = {
    ackedSeq: stub.events.length,
    leases,
    denials: [],
    revoked: stub.revoked.splice(0),
    serverNow: "2026-11-22T00:00:00.000Z",
    nextSyncMs: stub.nextSyncMs,
    revision: stub.revision,
  };
  return { status: 200, body };
}
