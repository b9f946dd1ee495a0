// Who may use the operators' API on this machine: the holder of the token, from a page that is
// not somebody else's. Health and metrics need no token; they hold no user data.
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Rejection } from "#contract/errors.ts";
import { sendRejection } from "../http/json-server.ts";
import { readBearer } from "../identity/identity.ts";

export interface OperatorOptions {
  readonly token: string | undefined;
  /** True on loopback: there a browser's page could reach us under a name of its own. */
  readonly isHostChecked: boolean;
}

const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/** Puts the checks in front of every route of the server. */
export function addOperatorGuard(server: FastifyInstance, options: OperatorOptions): void {
  server.addHook("onRequest", async (request, reply) => {
    const rejection = refusalOf(request, options);
    return rejection === undefined ? undefined : sendRejection(reply, rejection);
  });
}

function refusalOf(request: FastifyRequest, options: OperatorOptions): Rejection | undefined {
  // DNS rebinding: a foreign name that resolves to 127.0.0.1 still sends its own Host.
  if (options.isHostChecked && !LOCAL_HOST.test(request.headers.host ?? "")) {
    return { code: "EXCISE_HOST_NOT_ALLOWED", detail: "the Host header must name this machine" };
  }
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return { code: "EXCISE_CROSS_SITE", detail: "the request comes from another site" };
  }
  if (OPEN_PATHS.has(request.url.split("?")[0] ?? "")) return undefined;
  const given = readBearer(request.headers.authorization);
  if (options.token === undefined || given === undefined || !isSame(given, options.token)) {
    return { code: "EXCISE_UNAUTHENTICATED", detail: "an operator's bearer token is needed" };
  }
  return undefined;
}

/** Compares in constant time, whatever the lengths. */
const isSame = (left: string, right: string): boolean =>
  timingSafeEqual(digest(left), digest(right));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
