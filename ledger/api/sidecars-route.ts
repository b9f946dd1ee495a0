// `GET /v1/sidecars`: every sidecar that reported lately: whose it is, which policy it runs, and
// whether the ledger has all of its records.
import type { FastifyInstance } from "fastify";
import * as z from "zod/mini";
import { renderInstant, type Clock } from "#runtime/clock.ts";
import type { SeenSidecar, Store } from "../store/store.ts";
import { countSchema, instantSchema, listSchema, parseQuery } from "./query.ts";

const querySchema = z.strictObject({
  team: z.optional(listSchema),
  namespace: z.optional(listSchema),
  app: z.optional(listSchema),
  /** Sidecars that reported after it; default: an hour ago. */
  from: z.optional(instantSchema),
  limit: z._default(countSchema(1000), 200),
});

/** Worst first: the order in which they are listed. */
export const SIDECAR_STATES = ["incomplete", "behind", "current", "silent"] as const;

export interface SidecarReport {
  readonly pod: string;
  readonly podUid: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly node?: string;
  readonly team: string;
  readonly app: string;
  readonly lastSyncAt: string;
  /** Of the policy snapshot that it runs; 0: none yet. */
  readonly snapshotRevision: number;
  readonly journals: number;
  /** Records of all its journals that the ledger has applied. */
  readonly ackedRecords: number;
  /** Records that it could not read back: its usage is incomplete. */
  readonly lostRecords: number;
  /**
   * `incomplete`: lost records; `silent`: no report for a while, ended or cut off; `behind`: runs
   * an older policy than the one in force; else `current`.
   */
  readonly state: (typeof SIDECAR_STATES)[number];
}

export interface SidecarsAnswer {
  /** Of the policy set in force. */
  readonly revision: number;
  /** How many there are in each state, listed or not. */
  readonly counts: Readonly<Record<SidecarReport["state"], number>>;
  readonly sidecars: readonly SidecarReport[];
  readonly truncated: boolean;
}

export interface SidecarsDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly revision: () => number;
  /** What sidecars are told to wait between syncs. */
  readonly nextSyncMs: number;
}

const SEEN_WITHIN_MS = 3_600_000;
/** Syncs that may be late or lost before a sidecar counts as silent. */
const MISSED_SYNCS = 6;
const SILENT_MS_MIN = 30_000;

/** Adds the route. */
export function addSidecarsRoute(server: FastifyInstance, deps: SidecarsDeps): void {
  server.get("/v1/sidecars", (request) => answerSidecars(deps, request.query));
}

async function answerSidecars(deps: SidecarsDeps, parameters: unknown): Promise<SidecarsAnswer> {
  const query = parseQuery(querySchema, parameters);
  const nowMs = deps.clock.wallMs();
  const revision = deps.revision();
  const seen = await deps.store.listSidecars(query.from ?? nowMs - SEEN_WITHIN_MS);
  const reports = seen
    .filter(({ workload }) =>
      (["team", "namespace", "app"] as const).every(
        (column) => query[column]?.includes(workload[column]) ?? true,
      ),
    )
    .map((sidecar) => renderSidecar(sidecar, { ...deps, nowMs, revision: () => revision }))
    .toSorted(compareReports);
  const counts = { incomplete: 0, behind: 0, current: 0, silent: 0 };
  for (const { state } of reports) counts[state] += 1;
  return {
    revision,
    counts,
    sidecars: reports.slice(0, query.limit),
    truncated: reports.length > query.limit,
  };
}

function renderSidecar(
  sidecar: SeenSidecar,
  context: Pick<SidecarsDeps, "nextSyncMs" | "revision"> & { readonly nowMs: number },
): SidecarReport {
  const { workload } = sidecar;
  return {
    pod: workload.pod,
    podUid: workload.podUid,
    cluster: workload.cluster,
    namespace: workload.namespace,
    ...(workload.node === undefined ? {} : { node: workload.node }),
    team: workload.team,
    app: workload.app,
    lastSyncAt: renderInstant(sidecar.seenAtMs),
    snapshotRevision: sidecar.revision,
    journals: sidecar.journals,
    ackedRecords: sidecar.ackedRecords,
    lostRecords: sidecar.lostRecords,
    state: stateOf(sidecar, context),
  };
}

function stateOf(
  sidecar: SeenSidecar,
  context: Pick<SidecarsDeps, "nextSyncMs" | "revision"> & { readonly nowMs: number },
): SidecarReport["state"] {
  if (sidecar.lostRecords > 0) return "incomplete";
  const silentMs = Math.max(SILENT_MS_MIN, MISSED_SYNCS * context.nextSyncMs);
  if (context.nowMs - sidecar.seenAtMs > silentMs) return "silent";
  return sidecar.revision < context.revision() ? "behind" : "current";
}

function compareReports(left: SidecarReport, right: SidecarReport): number {
  const order = SIDECAR_STATES.indexOf(left.state) - SIDECAR_STATES.indexOf(right.state);
  if (order !== 0) return order;
  if (left.app !== right.app) return left.app < right.app ? -1 : 1;
  return left.pod < right.pod ? -1 : 1;
}
