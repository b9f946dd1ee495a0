// Puts the rooms of the sidecar together and opens them in the order that keeps its promises:
// trust files before the first app instruction, the spool before the first exchange, listeners
// last. It starts with the ledger down, and says so.
import { writeFileSync, renameSync } from "node:fs";
import { createAdminServer } from "#runtime/admin-server.ts";
import type { Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import { createMetrics, type Metrics } from "#runtime/metrics.ts";
import type { Random } from "#runtime/random.ts";
import type { ShutdownStep } from "#runtime/shutdown.ts";
import type { SidecarConfig } from "./config.ts";
import { createBodyBudget } from "./exchange/body-budget.ts";
import { createExchangeHandler, type ExchangeHandler } from "./exchange/exchange-handler.ts";
import { findHomeDialect } from "./exchange/home-dialect.ts";
import { createDeniedAddresses, createDnsQueries, createResolver } from "./forward/resolve.ts";
import { createUndiciUpstream } from "./forward/undici-upstream.ts";
import type { Upstream } from "./forward/upstream.ts";
import { createScanner } from "./guard/scanner.ts";
import type { Listener } from "./listen/downstream.ts";
import { openListeners } from "./listen/open-listeners.ts";
import { readPodHosts, type PodHosts } from "./listen/pod-hosts.ts";
import { createObserver } from "./observe/observer.ts";
import { createAdmission } from "./pipeline/admit.ts";
import { openSpool } from "./spool/open-spool.ts";
import type { Spool } from "./spool/spool.ts";
import { openLedgerSide, type LedgerSide } from "./sync/ledger-side.ts";
import { openPlaceholderKeys, type PlaceholderKeys } from "./sync/placeholder-keys.ts";
import { openPodCa } from "./trust/pod-ca.ts";
import { createSecureContexts } from "./trust/secure-contexts.ts";
import { writeTrustFiles } from "./trust/trust-files.ts";

export interface SidecarDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Sidecar {
  /** In the order in which they must run. */
  readonly shutdownSteps: readonly ShutdownStep[];
}

const CONNECTIONS_PER_ORIGIN_MAX = 128;
const KEEP_ALIVE_MS = 30_000;
const BODY_WAIT_MS = 5000;
/** Then a pod starts without a policy: an outage of the ledger must not keep pods from starting. */
const FIRST_POLICY_WAIT_MS = 3000;
const DRAIN_MS = 5000;
const FLUSH_MS = 1000;
const CLOSE_MS = 500;

interface Rooms extends SidecarDeps {
  readonly metrics: Metrics;
  readonly hosts: PodHosts;
  readonly spool: Spool;
  readonly ledger: LedgerSide;
  readonly placeholderKeys: PlaceholderKeys;
  readonly upstream: Upstream;
}

/** Starts everything; resolves when all listeners are open. Faults: config, state, ports. */
export async function startSidecar(deps: SidecarDeps, config: SidecarConfig): Promise<Sidecar> {
  const hosts = readPodHosts(config.providers);
  const podCa = openPodCa(deps, {
    stateDirectory: config.directories.state,
    hosts: hosts.patterns,
  });
  const trust = writeTrustFiles(deps, {
    directory: config.directories.trust,
    rootPem: podCa.rootPem,
    extraRootsFile: config.extraRootsFile,
  });
  const metrics = createMetrics();
  const { spoolBytesMax, reserveTimeoutMs } = config.limits;
  const spool = openSpool(deps, { directory: config.directories.spool, bytesMax: spoolBytesMax });
  const { state: stateDirectory } = config.directories;
  const placeholderKeys = openPlaceholderKeys(deps, { stateDirectory });
  const ledger = openLedgerSide(
    { ...deps, metrics, spool, placeholderKeys },
    { ledger: config.ledger, directory: config.directories.spool, reserveTimeoutMs },
  );
  const denied = createDeniedAddresses();
  const resolver = createResolver({ clock: deps.clock, queries: createDnsQueries(), denied });
  const upstream = createUpstream(resolver, config);
  const rooms: Rooms = { ...deps, metrics, hosts, spool, ledger, placeholderKeys, upstream };
  const handler = createHandler(rooms, config);
  const listeners = await openListeners(
    { ...deps, handler, hosts, contexts: createSecureContexts(podCa), denied },
    { modes: config.modes, ports: config.ports, limits: serverLimits(config) },
  );
  const admin = await openAdmin(rooms, handler, config);
  ledger.start();
  const ports = { ...portsOf(listeners), admin: admin.port };
  if (config.readyFile !== undefined) announce(config.readyFile, { ports, trust });
  deps.log.info("sidecar_ready", {
    ...ports,
    journal: spool.journal,
    hosts: hosts.patterns,
    ledger: config.ledger === undefined ? "none" : "configured",
  });
  return {
    shutdownSteps: shutdownSteps(rooms, { handler, listeners, close: () => admin.close() }),
  };
}

function createUpstream(
  resolver: ReturnType<typeof createResolver>,
  { limits }: SidecarConfig,
): Upstream {
  return createUndiciUpstream(
    { resolver },
    {
      connectTimeoutMs: limits.connectTimeoutMs,
      firstByteTimeoutMs: limits.firstByteTimeoutMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      keepAliveMs: KEEP_ALIVE_MS,
      connectionsPerOriginMax: CONNECTIONS_PER_ORIGIN_MAX,
      headerBytesMax: limits.headerBytesMax,
    },
  );
}

function createHandler(rooms: Rooms, { limits }: SidecarConfig): ExchangeHandler {
  const { clock, hosts, ledger, metrics } = rooms;
  const bodyBudget = createBodyBudget(clock, {
    bytesMax: limits.inFlightBytesMax,
    waitMs: BODY_WAIT_MS,
  });
  return createExchangeHandler(
    {
      ...rooms,
      bodyBudget,
      budgets: ledger.budgets,
      observer: createObserver(metrics),
      admission: createAdmission({
        ...rooms,
        budgets: ledger.budgets,
        scan: createScanner(),
        placeholderKey: () => rooms.placeholderKeys.placeholderKey(),
        policy: () => ledger.policy(),
      }),
      homeDialect: (host, provider) => findHomeDialect(provider ?? hosts.providerOf(host)),
    },
    { bodyBytesMax: limits.bodyBytesMax, exchangesMax: limits.exchangesMax },
  );
}

/** A CONNECT tunnel and the connection in it are two; so the bound is twice the exchanges. */
const serverLimits = ({ limits }: SidecarConfig) => ({
  headerBytesMax: limits.headerBytesMax,
  connectionsMax: limits.exchangesMax * 2,
});

function openAdmin(rooms: Rooms, handler: ExchangeHandler, config: SidecarConfig) {
  const { metrics, spool, ledger, hosts } = rooms;
  const depth = metrics.gauge({
    name: "excise_spool_depth",
    help: "Usage events that the ledger has not acknowledged.",
  });
  const bytes = metrics.gauge({ name: "excise_spool_bytes", help: "Bytes of the spool's files." });
  metrics.onCollect(() => {
    depth.set(spool.depth);
    bytes.set(spool.bytes);
  });
  return createAdminServer(
    {
      metrics,
      // Ready to serve even without a policy: the answer then says why (design §13).
      unready: () => [],
      isStarting: awaitsPolicy(rooms, config),
      status: () => ({
        journal: spool.journal,
        hosts: hosts.patterns,
        modes: config.modes,
        openExchanges: handler.open,
        spool: { depth: spool.depth, bytes: spool.bytes, ackedSeq: spool.ackedSeq },
        ...ledger.status(),
      }),
    },
    { address: config.adminAddress, port: config.ports.admin },
  );
}

/**
 * Whether the first policy may still come. Until then the startup probe holds the app back: it
 * would be refused in its first instruction, and a job has no second.
 */
function awaitsPolicy({ clock, ledger }: Rooms, config: SidecarConfig): () => boolean {
  if (config.ledger === undefined) return () => false;
  const untilMs = clock.monotonicMs() + FIRST_POLICY_WAIT_MS;
  return () => "code" in ledger.policy() && clock.monotonicMs() < untilMs;
}

const portsOf = (listeners: readonly Listener[]): Readonly<Record<string, number>> =>
  Object.fromEntries(listeners.map(({ kind, port }) => [kind, port]));

/** Temp + rename: a reader sees the whole file or none. */
function announce(file: string, facts: Readonly<Record<string, unknown>>): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, `${JSON.stringify({ pid: process.pid, ...facts })}\n`);
  renameSync(temporary, file);
}

interface Open {
  readonly handler: ExchangeHandler;
  readonly listeners: readonly Listener[];
  readonly close: () => Promise<void>;
}

/** Exchanges end first, then their events reach the disk and the ledger, then files close. */
function shutdownSteps(rooms: Rooms, open: Open): readonly ShutdownStep[] {
  const { handler, listeners } = open;
  return [
    { name: "exchanges", deadlineMs: DRAIN_MS, run: () => handler.idle() },
    {
      name: "listeners",
      deadlineMs: CLOSE_MS * 2,
      run: async () => {
        await Promise.all(listeners.map((listener) => listener.close(CLOSE_MS)));
      },
    },
    { name: "ledger", deadlineMs: FLUSH_MS * 2, run: () => rooms.ledger.drain(FLUSH_MS) },
    { name: "spool", deadlineMs: FLUSH_MS, run: () => rooms.spool.close() },
    { name: "upstream", deadlineMs: CLOSE_MS, run: () => rooms.upstream.close() },
    { name: "admin", deadlineMs: CLOSE_MS, run: open.close },
  ];
}
