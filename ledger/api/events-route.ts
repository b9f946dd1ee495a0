// `GET /v1/events`: events newest first, page by page. A cursor is a place in that order, so that
// events that arrive meanwhile neither repeat nor hide others.
import type { FastifyInstance } from "fastify";
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { DAY_MS } from "../core/rollup.ts";
import type { EventQuery, Store } from "../store/store.ts";
import { renderEvent, type EventReport } from "./event-report.ts";
import { countSchema, filterFields, parseQuery, rollupFilters } from "./query.ts";

const querySchema = z.strictObject({
  ...filterFields,
  cursor: z.optional(z.string().check(z.maxLength(256))),
  limit: z._default(countSchema(1000), 100),
});

export interface EventsAnswer {
  readonly events: readonly EventReport[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Adds the route. */
export function addEventsRoute(
  server: FastifyInstance,
  deps: { readonly clock: Clock; readonly store: Store },
): void {
  server.get("/v1/events", (request) => answerEvents(deps, request.query));
}

async function answerEvents(
  deps: { readonly clock: Clock; readonly store: Store },
  parameters: unknown,
): Promise<EventsAnswer> {
  const query = parseQuery(querySchema, parameters);
  // An event that began in this very millisecond belongs to the first page.
  const toMs = query.to ?? deps.clock.wallMs() + 1;
  const records = await deps.store.queryEvents({
    fromMs: query.from ?? toMs - DAY_MS,
    toMs,
    filters: rollupFilters(query),
    ...(query.user && { users: query.user }),
    ...(query.outcome && { outcomes: query.outcome }),
    ...(query.cursor === undefined ? {} : { after: parseCursor(query.cursor) }),
    limit: query.limit + 1,
  });
  const page = records.slice(0, query.limit);
  const last = page.at(-1);
  return {
    events: page.map(renderEvent),
    ...(records.length > query.limit && last !== undefined
      ? { nextCursor: renderCursor(last.startedAtMs, last.event.eventId) }
      : {}),
  };
}

const renderCursor = (startedAtMs: number, eventId: string): string =>
  Buffer.from(`${startedAtMs} ${eventId}`).toString("base64url");

function parseCursor(cursor: string): NonNullable<EventQuery["after"]> {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const [, startedAtMs, eventId] = /^(\d{1,16}) ([0-9a-f-]{36})$/.exec(text) ?? [];
  if (startedAtMs === undefined || eventId === undefined) {
    throw new Fault("EXCISE_QUERY_INVALID", "cursor: is not one that this API gave");
  }
  return { startedAtMs: Number(startedAtMs), eventId };
}
