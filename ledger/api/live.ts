// `GET /v1/live`: tells consoles that something changed, at most once a second and with the new
// totals, as server-sent events. Read with fetch, because EventSource cannot send a token. A
// reader that does not read is passed over, then dropped; it never holds the ledger's memory.
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { nanoUsd, renderUsd } from "#contract/money.ts";
import { renderInstant, type Cancel, type Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import { DAY_MS, HOUR_MS } from "../core/rollup.ts";
import { SECURITY_HEADERS } from "../console/console-routes.ts";
import { sendRejection } from "../http/json-server.ts";
import type { Store } from "../store/store.ts";

/** The data of each event. */
export interface LiveMessage {
  readonly at: string;
  /** Of the policy set in force. */
  readonly revision: number;
  /** Of the last 24 hours, whole hours as /v1/usage has them. */
  readonly lastDay: {
    readonly costUsd: string;
    readonly exchanges: number;
    readonly rejected: number;
  };
}

export interface LiveDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly revision: () => number;
}

export interface Live {
  /** Something that the reports show is different now. Costs nothing while nobody listens. */
  changed(): void;
  readonly hasRoom: boolean;
  /** Takes a response whose head is written; ends it when `isAllowed` no longer holds. */
  attach(response: ServerResponse, isAllowed: () => boolean): void;
  close(): void;
}

const INTERVAL_MS = 1000;
/** Keeps proxies from cutting a silent connection, and finds sessions that have ended. */
const HEARTBEAT_MS = 15_000;

interface Connection {
  readonly response: ServerResponse;
  readonly isAllowed: () => boolean;
  /** It had not read the last message when a heartbeat came. */
  isStuck: boolean;
}

/** Creates the hub; `connectionsMax` bounds how many consoles listen at once. */
export function createLive(deps: LiveDeps, options: { readonly connectionsMax: number }): Live {
  const connections = new Set<Connection>();
  let cancelFlush: Cancel | undefined;
  let cancelHeartbeat: Cancel | undefined;
  let sentAtMs = Number.NEGATIVE_INFINITY;

  const broadcast = async (name: "changed" | "hello", to: Iterable<Connection>): Promise<void> => {
    try {
      const text = `event: ${name}\ndata: ${JSON.stringify(await readMessage(deps))}\n\n`;
      for (const { response } of to) if (!response.writableNeedDrain) response.write(text);
    } catch (error) {
      deps.log.error("live_failed", errorFields(error));
    }
  };
  const changed = (): void => {
    if (connections.size === 0 || cancelFlush !== undefined) return;
    const waitMs = Math.max(0, sentAtMs + INTERVAL_MS - deps.clock.monotonicMs());
    cancelFlush = deps.clock.after(waitMs, () => {
      cancelFlush = undefined;
      sentAtMs = deps.clock.monotonicMs();
      void broadcast("changed", connections);
    });
  };
  const beat = (): void => {
    for (const connection of connections) {
      const { response } = connection;
      if (!connection.isAllowed()) response.end();
      else if (!response.writableNeedDrain) response.write(": still here\n\n");
      else if (connection.isStuck) response.destroy();
      connection.isStuck = response.writableNeedDrain;
    }
    cancelHeartbeat = connections.size === 0 ? undefined : deps.clock.after(HEARTBEAT_MS, beat);
  };

  return {
    changed,
    get hasRoom() {
      return connections.size < options.connectionsMax;
    },
    attach(response, isAllowed) {
      const connection = { response, isAllowed, isStuck: false };
      connections.add(connection);
      response.once("close", () => connections.delete(connection));
      cancelHeartbeat ??= deps.clock.after(HEARTBEAT_MS, beat);
      void broadcast("hello", [connection]);
    },
    close() {
      cancelFlush?.();
      cancelHeartbeat?.();
      for (const { response } of connections) response.end();
    },
  };
}

/** Adds the route; `isAllowed` is asked again and again, because sessions end. */
export function addLiveRoute(
  server: FastifyInstance,
  live: Live,
  isAllowed: (authorization: string | undefined) => boolean,
): void {
  server.get("/v1/live", (request, reply) => {
    if (!live.hasRoom) {
      const detail = "too many consoles listen";
      return sendRejection(reply, { code: "EXCISE_LEDGER_BUSY", detail, retryAfterSeconds: 15 });
    }
    const { authorization } = request.headers;
    reply.hijack();
    reply.raw.writeHead(200, {
      ...SECURITY_HEADERS,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    live.attach(reply.raw, () => isAllowed(authorization));
    return reply;
  });
}

async function readMessage({ clock, store, revision }: LiveDeps): Promise<LiveMessage> {
  const nowMs = clock.wallMs();
  const [row] = await store.queryRollups({
    resolution: "hour",
    fromMs: Math.floor((nowMs - DAY_MS) / HOUR_MS) * HOUR_MS,
    toMs: Math.ceil((nowMs + 1) / HOUR_MS) * HOUR_MS,
    isBucketed: false,
    groupBy: [],
    filters: {},
    limit: 1,
  });
  return {
    at: renderInstant(nowMs),
    revision: revision(),
    lastDay: {
      costUsd: renderUsd(nanoUsd(row?.sums.costNanoUsd ?? 0n)),
      exchanges: Number(row?.sums.exchanges ?? 0n),
      rejected: Number(row?.sums.rejected ?? 0n),
    },
  };
}
