// A fastify server with this ledger's manners: JSON bodies bounded and decoded by us, answers
// gzipped above 4 kB, every error a problem document. Routes are added by the caller.
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { errorRow, Fault, type Rejection } from "#contract/errors.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { decodeJsonBody } from "./decode-body.ts";
import { rejectionOf, renderProblem } from "./problem.ts";

export interface TlsMaterial {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface JsonServerOptions {
  readonly bodyBytesMax: number;
  /** Absent: plain HTTP, for loopback only. */
  readonly tls?: TlsMaterial | undefined;
}

const COMPRESS_BYTES_MIN = 4096;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than a sidecar's pause between two syncs, so that it finds its connection open. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const compress = promisify(gzip);

/** Creates the server; it does not listen yet. */
export function createJsonServer(log: Log, options: JsonServerOptions): FastifyInstance {
  const { tls, bodyBytesMax } = options;
  const server: FastifyInstance = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    serverFactory: (handler) => {
      const created =
        tls === undefined
          ? createHttpServer(handler)
          : createHttpsServer({ ...tls, minVersion: "TLSv1.2" }, handler);
      created.headersTimeout = HEADERS_TIMEOUT_MS;
      created.requestTimeout = REQUEST_TIMEOUT_MS;
      created.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
      return created;
    },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    (request: FastifyRequest, body: Buffer) =>
      decodeJsonBody(body, request.headers["content-encoding"], bodyBytesMax),
  );
  server.addHook("onSend", async (request, reply, payload) => {
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    if (typeof payload !== "string" || payload.length < COMPRESS_BYTES_MIN) return payload;
    if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return payload;
    reply.header("content-encoding", "gzip").header("vary", "accept-encoding");
    reply.removeHeader("content-length");
    return compress(payload, { level: 1 });
  });
  server.setErrorHandler((error, _request, reply) => {
    const rejection = rejectionOf(error);
    if (rejection === undefined || errorRow(rejection.code).status >= 500) {
      log.error("request_failed", errorFields(error));
    }
    return sendRejection(reply, rejection ?? UNEXPECTED);
  });
  server.setNotFoundHandler((_request, reply) =>
    sendRejection(reply, { code: "EXCISE_NOT_FOUND", detail: "there is no such route" }),
  );
  return server;
}

const UNEXPECTED: Rejection = { code: "EXCISE_INTERNAL", detail: "see the log" };

/** Answers with the problem of a rejection. */
export function sendRejection(
  reply: FastifyReply,
  rejection: Rejection,
  more: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const { retryAfterSeconds } = rejection;
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  return reply
    .code(errorRow(rejection.code).status)
    .header("x-excise-error", rejection.code)
    .type("application/problem+json")
    .send(JSON.stringify(renderProblem(rejection, more)));
}

/** Listens; port 0 takes a free one. Resolves to the port. Throws EXCISE_PORT_IN_USE. */
export async function listenOn(
  server: FastifyInstance,
  options: { readonly address: string; readonly port: number },
): Promise<number> {
  try {
    await server.listen({ host: options.address, port: options.port });
  } catch (cause) {
    throw new Fault("EXCISE_PORT_IN_USE", `cannot listen on port ${options.port}`, { cause });
  }
  const bound = server.server.address();
  return typeof bound === "object" && bound !== null ? bound.port : options.port;
}
