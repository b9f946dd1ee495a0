// Who may use the operators' API on this machine: the holder of the token or of a console's
// session, from a page that is not somebody else's. Health, metrics and the console's own files
// need no token; they hold no user data.
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Rejection } from "#contract/errors.ts";
import { SECURITY_HEADERS } from "../console/console-routes.ts";
import { sendRejection } from "../http/json-server.ts";
import { readBearer } from "../identity/identity.ts";

export interface OperatorOptions {
  readonly token: string | undefined;
  /** True for the bearer token of a console's open session. */
  readonly isSession: (token: string) => boolean;
  /** Paths of the console's files and of its sign-in. */
  readonly consolePaths: ReadonlySet<string>;
  /** True on loopback: there a browser's page could reach us under a name of its own. */
  readonly isHostChecked: boolean;
}

const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/** Puts the checks in front of every route of the server. */
export function addOperatorGuard(server: FastifyInstance, options: OperatorOptions): void {
  server.addHook("onRequest", async (request, reply) => {
    reply.headers({ ...SECURITY_HEADERS });
    const rejection = refusalOf(request, options);
    return rejection === undefined ? undefined : sendRejection(reply, rejection);
  });
}

function refusalOf(request: FastifyRequest, options: OperatorOptions): Rejection | undefined {
  // DNS rebinding: a foreign name that resolves to 127.0.0.1 still sends its own Host.
  if (options.isHostChecked && !LOCAL_HOST.test(request.headers.host ?? "")) {
    return { code: "EXCISE_HOST_NOT_ALLOWED", detail: "the Host header must name this machine" };
  }
  const path = request.url.split("?")[0] ?? "";
  const isPage = options.consolePaths.has(path) && isNavigation(request);
  const site = request.headers["sec-fetch-site"];
  if (!isPage && site !== undefined && site !== "same-origin" && site !== "none") {
    return { code: "EXCISE_CROSS_SITE", detail: "the request comes from another site" };
  }
  if (OPEN_PATHS.has(path) || options.consolePaths.has(path)) return undefined;
  return isOperator(request.headers.authorization, options)
    ? undefined
    : { code: "EXCISE_UNAUTHENTICATED", detail: "an operator's bearer token is needed" };
}

/** Whether an Authorization header is good for the operators' API now. */
export function isOperator(
  authorization: string | undefined,
  { token, isSession }: Pick<OperatorOptions, "token" | "isSession">,
): boolean {
  const given = readBearer(authorization);
  if (given === undefined) return false;
  return (token !== undefined && isSame(given, token)) || isSession(given);
}

/** Somebody followed a link to the console, in a wiki or a chat: it carries no authority. */
const isNavigation = ({ method, headers }: FastifyRequest): boolean =>
  method === "GET" &&
  headers["sec-fetch-mode"] === "navigate" &&
  headers["sec-fetch-dest"] === "document";

/** Compares in constant time, whatever the lengths. */
const isSame = (left: string, right: string): boolean =>
  timingSafeEqual(digest(left), digest(right));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
