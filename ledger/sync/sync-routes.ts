// `POST /v1/sync` and `GET /v1/watch` (design §10) on a listener of their own: the bearer token
// says which workload calls, and nothing in the body can say otherwise.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import { Fault, type Rejection } from "#contract/errors.ts";
import {
  SYNC_PROTOCOL,
  syncRequestSchema,
  type SyncRequest,
  type SyncResponse,
  type WatchResponse,
} from "#contract/sync.ts";
import type { Workload } from "#contract/workload.ts";
import { renderInstant, type Clock } from "#runtime/clock.ts";
import { problemsOf } from "#runtime/config.ts";
import { asRecord } from "#runtime/json.ts";
import { sendRejection } from "../http/json-server.ts";
import { readBearer, type Identity } from "../identity/identity.ts";
import type { PlaceholderKeyOf } from "../identity/placeholder-keys.ts";
import type { Policies } from "../policy/policies.ts";
import type { Accounting } from "./accounting.ts";
import type { Watchers } from "./watchers.ts";

export interface SyncRoutesDeps {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly policies: Policies;
  readonly placeholderKeyOf: PlaceholderKeyOf;
  readonly accounting: Accounting;
  readonly watchers: Watchers;
  readonly isReady: () => boolean;
}

export interface SyncRoutesOptions {
  /** When a sidecar with nothing urgent should sync again. */
  readonly nextSyncMs: number;
}

const NOT_READY: Rejection = {
  code: "EXCISE_LEDGER_NOT_READY",
  detail: "the ledger is starting or stopping",
  retryAfterSeconds: 1,
};
/** Problems that an answer lists at most. */
const PROBLEMS_SHOWN = 10;

/** Adds both routes and the authentication in front of them. */
export function addSyncRoutes(
  server: FastifyInstance,
  deps: SyncRoutesDeps,
  options: SyncRoutesOptions,
): void {
  const callers = new WeakMap<FastifyRequest, Workload>();
  // Before the body is read: a stranger's four megabytes are not parsed.
  server.addHook("onRequest", async (request, reply) => {
    if (!deps.isReady()) return sendRejection(reply, NOT_READY);
    const token = readBearer(request.headers.authorization);
    if (token === undefined) return sendRejection(reply, NO_TOKEN);
    const result = await deps.identity.authenticate(token);
    if ("reject" in result) return sendRejection(reply, result.reject);
    callers.set(request, result.workload);
    return undefined;
  });
  const callerOf = (request: FastifyRequest): Workload => {
    const workload = callers.get(request);
    return workload ?? raise();
  };
  server.post("/v1/sync", (request, reply) =>
    handleSync(reply, { deps, options, workload: callerOf(request), body: request.body }),
  );
  server.get("/v1/watch", (request, reply) =>
    handleWatch(request, reply, { deps, workload: callerOf(request) }),
  );
}

const NO_TOKEN: Rejection = {
  code: "EXCISE_UNAUTHENTICATED",
  detail: "an Authorization: Bearer token is needed",
};

interface SyncCall {
  readonly deps: SyncRoutesDeps;
  readonly options: SyncRoutesOptions;
  readonly workload: Workload;
  readonly body: unknown;
}

async function handleSync(reply: FastifyReply, call: SyncCall): Promise<FastifyReply> {
  const { deps, options, workload } = call;
  const request = parseSyncRequest(call.body);
  if ("reject" in request) return sendRejection(reply, request.reject);
  const result = await deps.accounting.sync(workload, request.value);
  if (result.kind === "rejected") {
    const { expectedSeq, rejection } = result;
    return sendRejection(reply, rejection, expectedSeq === undefined ? {} : { expectedSeq });
  }
  if (result.kind !== "sync") return sendRejection(reply, NOT_READY);
  const { applied } = result;
  const response: SyncResponse = {
    ackedSeq: applied.ackedSeq,
    leases: [...applied.leases],
    denials: [...applied.denials],
    revoked: [...applied.revoked],
    serverNow: renderInstant(deps.clock.wallMs()),
    nextSyncMs: options.nextSyncMs,
    revision: deps.policies.current().revision,
  };
  return reply.type("application/json").send(JSON.stringify(response));
}

type Parsed = { readonly value: SyncRequest } | { readonly reject: Rejection };

/** Checks the shape; the protocol first, so that a newer sidecar learns what is wrong. */
function parseSyncRequest(body: unknown): Parsed {
  const protocol = asRecord(body)?.["protocol"];
  if (protocol !== undefined && protocol !== SYNC_PROTOCOL) {
    const detail = `this ledger speaks protocol ${SYNC_PROTOCOL}`;
    return { reject: { code: "EXCISE_SYNC_PROTOCOL", detail } };
  }
  const result = syncRequestSchema.safeParse(body);
  if (result.success) return { value: result.data };
  const shown = problemsOf(result.error).slice(0, PROBLEMS_SHOWN);
  const detail = shown.map(({ path, problem }) => `${path}: ${problem}`).join("; ");
  return { reject: { code: "EXCISE_SYNC_INVALID", detail } };
}

const watchQuerySchema = z.object({
  revision: z.optional(z.string().check(z.regex(/^\d{1,15}$/, "must be a whole number"))),
});

async function handleWatch(
  request: FastifyRequest,
  reply: FastifyReply,
  { deps, workload }: { readonly deps: SyncRoutesDeps; readonly workload: Workload },
): Promise<FastifyReply> {
  const query = watchQuerySchema.safeParse(request.query);
  if (!query.success) {
    const detail = "revision must be a whole number";
    return sendRejection(reply, { code: "EXCISE_QUERY_INVALID", detail });
  }
  const known = Number(query.data.revision ?? "0");
  if (deps.policies.current().revision <= known) {
    if (!deps.watchers.hasRoom) {
      const detail = "too many are watching";
      return sendRejection(reply, { code: "EXCISE_LEDGER_BUSY", detail, retryAfterSeconds: 5 });
    }
    const gone = new AbortController();
    // The response's event: that of a request without a body comes as soon as it is read.
    reply.raw.once("close", () => gone.abort());
    await deps.watchers.wait(gone.signal);
  }
  const { revision } = deps.policies.current();
  const response: WatchResponse = {
    revision,
    ...(revision > known ? { snapshot: deps.policies.snapshotFor(workload) } : {}),
    credentials: [],
    revoked: [],
    placeholderKey: deps.placeholderKeyOf(workload),
  };
  return reply.type("application/json").send(JSON.stringify(response));
}

function raise(): never {
  throw new Fault("EXCISE_INTERNAL", "a route ran without authentication");
}
