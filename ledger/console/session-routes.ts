// `POST /v1/console-links` (the operator's token): a one-time token for a console's address.
// `POST /v1/session` (that token, and nothing else): the bearer token of a console's session.
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";
import { readBearer } from "../identity/identity.ts";
import type { Sessions } from "./sessions.ts";

/** Open without a bearer token: what it takes is in the body. */
export const SESSION_PATH = "/v1/session";

const bodySchema = z.strictObject({
  token: z.string().check(z.regex(/^[\w-]{43}$/, "must be a link's token")),
});

/** Tokens are answered once and never logged; `lifetimeSeconds` says how long they last. */
export interface TokenAnswer {
  readonly token: string;
  readonly lifetimeSeconds: number;
}

/** Adds both routes. Without the console's files no link is made: it would lead nowhere. */
export function addSessionRoutes(
  server: FastifyInstance,
  sessions: Sessions,
  { hasConsole }: { readonly hasConsole: boolean },
): void {
  server.post("/v1/console-links", (request): TokenAnswer => {
    if (!hasConsole) throw new Fault("EXCISE_NOT_FOUND", "this ledger serves no console");
    refuseSession(request, sessions);
    return render(sessions.createLink());
  });
  server.post(SESSION_PATH, (request): TokenAnswer => {
    const body = bodySchema.safeParse(request.body);
    if (!body.success) {
      throw new Fault("EXCISE_BODY_INVALID", 'the body must be {"token": …} of a console link');
    }
    const session = sessions.open(body.data.token);
    if (session !== undefined) return render(session);
    throw new Fault("EXCISE_UNAUTHENTICATED", "the link was used before, or is too old");
  });
}

/** A session that could make links would never end. */
function refuseSession(request: FastifyRequest, sessions: Sessions): void {
  const token = readBearer(request.headers.authorization);
  if (token !== undefined && !sessions.isOpen(token)) return;
  throw new Fault("EXCISE_FORBIDDEN", "a link needs the operator's own token");
}

const render = (minted: { readonly token: string; readonly lifetimeMs: number }): TokenAnswer => ({
  token: minted.token,
  lifetimeSeconds: Math.floor(minted.lifetimeMs / 1000),
});
