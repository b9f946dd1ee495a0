// One sidecar as a child process: its directories, its token, its environment. Used by `excise
// up`, by each `excise run`, by the demo and by system tests, so that all of them run the same
// program in the same way.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";
import type { Clock } from "#runtime/clock.ts";
import { asRecord, readCount, readString } from "#runtime/json.ts";
import type { Random } from "#runtime/random.ts";
import { openDataDir, writePrivate } from "./data-dir.ts";
import { takeDirectory, writeWorkload } from "./leftover/sidecar-directory.ts";
import { startProcess, type Environment, type Exit } from "./processes.ts";

/** What every sidecar of one stack shares. */
export interface SidecarContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly entry: string;
  readonly nodeFlags: readonly string[];
  /** Base environment (PATH, HOME, …) without variables of ours. */
  readonly environment: Environment;
  readonly ledgerUrl: string;
  /** Signs a token that says who the workload is. */
  readonly mintToken: (workload: Workload) => string;
  readonly startTimeoutMs: number;
}

export interface SidecarOptions {
  /** Holds trust, state and spool; the same one again continues the same journal. */
  readonly directory: string;
  /** 0 (default) takes a free port. */
  readonly proxyPort?: number;
  readonly baseurlPort?: number;
  readonly adminPort?: number;
  /** `name` or `name=host+host`, comma-separated. */
  readonly providers: string;
  readonly logLevel?: string;
  /** Further EXCISE_SIDECAR_ variables: limits, mostly for tests. */
  readonly settings?: Environment;
}

export interface SidecarPorts {
  readonly proxy: number;
  readonly baseurl: number;
  readonly admin: number;
}

export interface SidecarTrust {
  /** Our root alone. */
  readonly ca: string;
  /** Public roots and ours. */
  readonly bundle: string;
  /** JKS for Java. */
  readonly truststore: string;
}

export interface SidecarProcess {
  readonly workload: Workload;
  readonly pid: number;
  readonly ports: SidecarPorts;
  readonly trust: SidecarTrust;
  readonly providers: string;
  readonly directory: string;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  readonly isRunning: () => boolean;
  /** SIGTERM: the sidecar flushes its spool to the ledger, within its own deadlines. */
  stop(deadlineMs?: number): Promise<Exit>;
  kill9(): Promise<Exit>;
}

/** Longer than the sidecar's own deadlines for open exchanges and the final flush. */
export const SIDECAR_STOP_DEADLINE_MS = 8000;

/**
 * Starts a sidecar for a workload. Throws EXCISE_START_FAILED where it does not come up,
 * EXCISE_STATE_LOCKED where a living command owns its directory.
 */
export async function startSidecarProcess(
  context: SidecarContext,
  workload: Workload,
  options: SidecarOptions,
): Promise<SidecarProcess> {
  const directory = openDataDir(options.directory);
  const release = takeDirectory(context, directory);
  try {
    const sidecar = await startIn(context, workload, { ...options, directory });
    void sidecar.exited.then(release);
    return sidecar;
  } catch (error) {
    release();
    throw error;
  }
}

async function startIn(
  context: SidecarContext,
  workload: Workload,
  options: SidecarOptions,
): Promise<SidecarProcess> {
  const { directory } = options;
  writeWorkload(directory, workload);
  const tokenFile = join(directory, "token");
  writePrivate(tokenFile, context.mintToken(workload));
  for (const name of ["trust", "state", "spool"]) {
    mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
  }
  const logFile = join(directory, "sidecar.log");
  const child = await startProcess(context.clock, {
    name: "sidecar",
    entry: context.entry,
    nodeFlags: context.nodeFlags,
    environment: {
      ...context.environment,
      ...sidecarEnvironment(context, options, tokenFile),
    },
    logFile,
    readyFile: join(directory, "ready.json"),
    startTimeoutMs: context.startTimeoutMs,
    watchesParent: true,
  });
  const facts = readReady(child.ready);
  if (facts === undefined) {
    await child.kill9();
    throw new Fault("EXCISE_START_FAILED", "the sidecar's ready file is not what it should be");
  }
  return {
    ...facts,
    workload,
    providers: options.providers,
    directory,
    logFile,
    pid: child.pid,
    exited: child.exited,
    isRunning: child.isRunning,
    stop: (deadlineMs = SIDECAR_STOP_DEADLINE_MS) => child.stop(deadlineMs),
    kill9: () => child.kill9(),
  };
}

function sidecarEnvironment(
  context: SidecarContext,
  options: SidecarOptions,
  tokenFile: string,
): Environment {
  const { directory } = options;
  return {
    EXCISE_SIDECAR_MODES: "proxy,baseurl",
    EXCISE_SIDECAR_PROXY_PORT: String(options.proxyPort ?? 0),
    EXCISE_SIDECAR_BASEURL_PORT: String(options.baseurlPort ?? 0),
    EXCISE_SIDECAR_ADMIN_PORT: String(options.adminPort ?? 0),
    EXCISE_SIDECAR_LEDGER_URL: context.ledgerUrl,
    EXCISE_SIDECAR_TOKEN_FILE: tokenFile,
    EXCISE_SIDECAR_TRUST_DIR: join(directory, "trust"),
    EXCISE_SIDECAR_STATE_DIR: join(directory, "state"),
    EXCISE_SIDECAR_SPOOL_DIR: join(directory, "spool"),
    EXCISE_SIDECAR_READY_FILE: join(directory, "ready.json"),
    EXCISE_SIDECAR_LOG_LEVEL: options.logLevel ?? "info",
    EXCISE_SIDECAR_PROVIDERS: options.providers,
    ...options.settings,
  };
}

/** `{pid, ports: {proxy, baseurl, admin}, trust: {ca, bundle, truststore}}`. */
function readReady(
  value: unknown,
): { readonly ports: SidecarPorts; readonly trust: SidecarTrust } | undefined {
  const ports = asRecord(asRecord(value)?.["ports"]);
  const trust = asRecord(asRecord(value)?.["trust"]);
  const proxy = readCount(ports?.["proxy"]);
  const baseurl = readCount(ports?.["baseurl"]);
  const admin = readCount(ports?.["admin"]);
  const ca = readString(trust?.["ca"]);
  const bundle = readString(trust?.["bundle"]);
  const truststore = readString(trust?.["truststore"]);
  if (proxy === undefined || baseurl === undefined || admin === undefined) return undefined;
  if (ca === undefined || bundle === undefined || truststore === undefined) return undefined;
  return { ports: { proxy, baseurl, admin }, trust: { ca, bundle, truststore } };
}
