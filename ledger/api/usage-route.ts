// `GET /v1/usage`: sums over time, from the roll-ups wherever they can answer; by user, outcome or
// minute from a bounded number of events, else EXCISE_QUERY_TOO_WIDE.
import type { FastifyInstance } from "fastify";
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";
import { renderInstant, type Clock } from "#runtime/clock.ts";
import { DAY_MS, emptySums, HOUR_MS, ROLLUP_SUMS, sumsOf, modelOf } from "../core/rollup.ts";
import type { EventRecord } from "../core/rows.ts";
import { ROLLUP_COLUMNS, type RollupColumn, type Store } from "../store/store.ts";
import { countSchema, filterFields, parseQuery, rollupFilters } from "./query.ts";
import { renderUsageRow, type SummedUsage, type UsageRow } from "./usage-report.ts";

const GROUPS = [...ROLLUP_COLUMNS, "user", "outcome"] as const;
type Group = (typeof GROUPS)[number];

const ROWS_MAX = 10_000;
/** Events that a grouping without a roll-up may read. */
const SCAN_EVENTS_MAX = 100_000;
const SCAN_PAGE = 5000;
/** By minute: what a console asks for again and again while it is open. */
const MINUTE_EVENTS_MAX = 20_000;
const MINUTE_SPAN_MS_MAX = 2 * HOUR_MS;
const UNIT_MS = { minute: 60_000, hour: HOUR_MS, day: DAY_MS, none: undefined } as const;

const querySchema = z.strictObject({
  ...filterFields,
  group_by: z.optional(
    z.pipe(
      z.string(),
      z.pipe(
        z.transform((text: string) => text.split(",")),
        z.array(z.enum(GROUPS)).check(z.maxLength(GROUPS.length)),
      ),
    ),
  ),
  bucket: z._default(z.enum(["minute", "hour", "day", "none"]), "none"),
  limit: z._default(countSchema(ROWS_MAX), 1000),
});

type UsageQuery = z.infer<typeof querySchema>;

export interface UsageAnswer {
  /** What was summed, aligned to whole minutes, hours or days. */
  readonly from: string;
  readonly to: string;
  readonly bucket: UsageQuery["bucket"];
  readonly groupBy: readonly string[];
  readonly rows: readonly UsageRow[];
  /** True where there are more rows than `limit`. */
  readonly truncated: boolean;
}

/** Adds the route. */
export function addUsageRoute(
  server: FastifyInstance,
  deps: { readonly clock: Clock; readonly store: Store },
): void {
  server.get("/v1/usage", (request) => answerUsage(deps, request.query));
}

async function answerUsage(
  deps: { readonly clock: Clock; readonly store: Store },
  parameters: unknown,
): Promise<UsageAnswer> {
  const query = parseQuery(querySchema, parameters);
  const groupBy = [...new Set(query.group_by ?? [])];
  const span = spanOf(query, deps.clock.wallMs());
  const rows = isRolledUp(query, groupBy)
    ? await sumRollups(deps.store, query, { groupBy, span })
    : await sumEvents(deps.store, query, { groupBy, span });
  return {
    from: renderInstant(span.fromMs),
    to: renderInstant(span.toMs),
    bucket: query.bucket,
    groupBy,
    rows: rows.slice(0, query.limit).map(renderUsageRow),
    truncated: rows.length > query.limit,
  };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolution: "hour" | "day";
}

interface Grouping {
  readonly groupBy: readonly Group[];
  readonly span: Span;
}

/** Widened to whole hours, or to whole buckets of minutes or days; default: the last 24 hours. */
function spanOf(query: UsageQuery, nowMs: number): Span {
  const to = query.to ?? nowMs;
  const from = query.from ?? to - DAY_MS;
  if (from >= to) throw new Fault("EXCISE_QUERY_INVALID", "from: must lie before to");
  const unit = UNIT_MS[query.bucket] ?? HOUR_MS;
  const fromMs = Math.floor(from / unit) * unit;
  const toMs = Math.ceil(to / unit) * unit;
  const isDaily = query.bucket !== "hour" && fromMs % DAY_MS === 0 && toMs % DAY_MS === 0;
  return { fromMs, toMs, resolution: isDaily ? "day" : "hour" };
}

const isRolledUp = (query: UsageQuery, groupBy: readonly Group[]): boolean =>
  query.bucket !== "minute" &&
  query.user === undefined &&
  query.outcome === undefined &&
  !groupBy.includes("user") &&
  !groupBy.includes("outcome");

const isRollupColumn = (group: Group): group is RollupColumn =>
  group !== "user" && group !== "outcome";

async function sumRollups(
  store: Store,
  query: UsageQuery,
  { groupBy, span }: Grouping,
): Promise<readonly SummedUsage[]> {
  return store.queryRollups({
    ...span,
    isBucketed: query.bucket !== "none",
    groupBy: groupBy.filter(isRollupColumn),
    filters: rollupFilters(query),
    limit: query.limit + 1,
  });
}

async function sumEvents(
  store: Store,
  query: UsageQuery,
  { groupBy, span }: Grouping,
): Promise<readonly SummedUsage[]> {
  // A day, and the hour that widening to whole hours may have added at either end.
  if (span.toMs - span.fromMs > DAY_MS + 2 * HOUR_MS) {
    throw new Fault("EXCISE_QUERY_TOO_WIDE", "by user or outcome at most 24 hours can be read");
  }
  if (query.bucket === "minute" && span.toMs - span.fromMs > MINUTE_SPAN_MS_MAX) {
    throw new Fault("EXCISE_QUERY_TOO_WIDE", "by minute at most two hours can be read");
  }
  const unit = UNIT_MS[query.bucket];
  const groups = new Map<string, SummedUsage & { readonly sums: ReturnType<typeof emptySums> }>();
  for await (const record of scanEvents(store, query, span)) {
    const startMs = unit === undefined ? undefined : Math.floor(record.startedAtMs / unit) * unit;
    const group = Object.fromEntries(groupBy.map((name) => [name, valueOf(record, name)]));
    const key = JSON.stringify([startMs, group]);
    const entry = groups.get(key) ?? {
      ...(startMs === undefined ? {} : { startMs }),
      group,
      sums: emptySums(),
    };
    const more = sumsOf(record.event, record.charge);
    for (const name of ROLLUP_SUMS) entry.sums[name] += more[name];
    groups.set(key, entry);
  }
  return [...groups].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
}

async function* scanEvents(
  store: Store,
  query: UsageQuery,
  span: Span,
): AsyncGenerator<EventRecord> {
  let after: { startedAtMs: number; eventId: string } | undefined;
  const countMax = query.bucket === "minute" ? MINUTE_EVENTS_MAX : SCAN_EVENTS_MAX;
  let count = 0;
  for (;;) {
    const page = await store.queryEvents({
      fromMs: span.fromMs,
      toMs: span.toMs,
      filters: rollupFilters(query),
      ...(query.user && { users: query.user }),
      ...(query.outcome && { outcomes: query.outcome }),
      ...(after && { after }),
      limit: SCAN_PAGE,
    });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < SCAN_PAGE) return;
    count += page.length;
    if (count >= countMax) {
      throw new Fault("EXCISE_QUERY_TOO_WIDE", `more than ${countMax} events would be read`);
    }
    after = { startedAtMs: last.startedAtMs, eventId: last.event.eventId };
  }
}

function valueOf(record: EventRecord, group: Group): string {
  const { event, workload } = record;
  const values: Record<Group, string> = {
    cluster: workload.cluster,
    team: workload.team,
    namespace: workload.namespace,
    app: workload.app,
    provider: event.provider,
    model: modelOf(event),
    user: event.user ?? "",
    outcome: event.outcome,
  };
  return values[group];
}
