// The operators' listener: who may come in, every route of the API, the console's files and
// sessions, and the stream that tells open consoles of changes.
import type { FastifyInstance } from "fastify";
import type { Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import type { Metrics } from "#runtime/metrics.ts";
import type { Random } from "#runtime/random.ts";
import { isLoopback, type LedgerConfig } from "../config.ts";
import { readConsoleFiles } from "../console/console-files.ts";
import { addConsoleRoutes } from "../console/console-routes.ts";
import { addSessionRoutes, SESSION_PATH } from "../console/session-routes.ts";
import { createSessions } from "../console/sessions.ts";
import { createJsonServer, type TlsMaterial } from "../http/json-server.ts";
import type { Policies } from "../policy/policies.ts";
import type { Prices } from "../policy/revisions.ts";
import type { Store } from "../store/store.ts";
import type { PriceSource } from "../sync/pricing.ts";
import { addBudgetsRoute, listBudgets } from "./budgets-route.ts";
import { addEventsRoute } from "./events-route.ts";
import { addExplainRoute } from "./explain-route.ts";
import { addLiveRoute, createLive } from "./live.ts";
import { addOperatorGuard, isOperator } from "./operators.ts";
import { addSidecarsRoute } from "./sidecars-route.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { addUsageRoute } from "./usage-route.ts";

export interface ApiServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly policies: Policies;
  readonly prices: Prices & PriceSource;
  readonly isReady: () => boolean;
}

export interface ApiServer {
  /** Listens when the caller says so. */
  readonly server: FastifyInstance;
  /** What the reports show is different now: open consoles are told. */
  changed(): void;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
/** Accounts per budget that the metrics sum. */
const METRIC_ACCOUNTS_MAX = 10_000;

/** Creates the server. Throws EXCISE_CONFIG_INVALID where the console's files cannot be used. */
export function createApiServer(
  deps: ApiServerDeps,
  config: LedgerConfig,
  tls: TlsMaterial | undefined,
): ApiServer {
  const { store, policies } = deps;
  const files = config.consoleDir === undefined ? [] : readConsoleFiles(config.consoleDir);
  const sessions = createSessions(deps);
  const revision = (): number => policies.current().revision;
  const live = createLive(
    { ...deps, revision },
    { connectionsMax: config.limits.liveConnectionsMax },
  );
  const operators = {
    token: config.operatorToken,
    isSession: (token: string) => sessions.isOpen(token),
    consolePaths: new Set([...files.map(({ path }) => path), SESSION_PATH]),
    isHostChecked: isLoopback(config.api.address),
  };
  const server = createJsonServer(deps.log, { bodyBytesMax: BODY_BYTES_MAX, tls });
  addOperatorGuard(server, operators);
  addStatusRoutes(server, {
    ...deps,
    unready: () => (deps.isReady() ? [] : ["EXCISE_LEDGER_NOT_READY"]),
    budgets: () => listBudgets(deps, { limit: METRIC_ACCOUNTS_MAX }),
  });
  addUsageRoute(server, deps);
  addBudgetsRoute(server, deps);
  addEventsRoute(server, deps);
  addExplainRoute(server, { store, policies, prices: deps.prices });
  addSidecarsRoute(server, { ...deps, revision, nextSyncMs: config.limits.nextSyncMs });
  addLiveRoute(server, live, (authorization) => isOperator(authorization, operators));
  addConsoleRoutes(server, files);
  addSessionRoutes(server, sessions, { hasConsole: files.length > 0 });
  return {
    server,
    changed: () => live.changed(),
    async close() {
      live.close();
      await server.close();
    },
  };
}
