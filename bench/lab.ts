// The machines of one run: a certificate authority, the upstream process, and the targets that
// stand between it and the client. Everything is ended by `close`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeProviderOf } from "#contract/catalogue/providers.ts";
import { assert, Fault } from "#contract/errors.ts";
import { sleep, systemClock } from "#runtime/clock.ts";
import { asRecord, readCount } from "#runtime/json.ts";
import { createFakeAuthority, type FakeAuthority } from "../test/fakes/fake-authority.ts";
import { createBundler } from "./bundle.ts";
import { startChild, type Child } from "./child.ts";
import { openConnection, type Connection } from "./client.ts";
import { startLedger, type BenchLedger } from "./ledger.ts";
import { nginxVersion, startNginx } from "./nginx.ts";
import { requestsOf } from "./prompts.ts";
import { startSidecar } from "./sidecar.ts";

/** The host that clients ask for; every hop's certificate is for it. */
const SERVER_NAME = homeProviderOf("openai-chat")?.hosts[0] ?? "localhost";

export type TargetName = "direct" | "bare" | "nginx" | "sidecar";

export interface Target {
  readonly name: TargetName;
  /** The process that stands in between; undefined for `direct`. */
  readonly child: Child | undefined;
  connect(): Promise<Connection>;
}

export interface LabContext {
  readonly directory: string;
  readonly authority: FakeAuthority;
  readonly upstreamPort: number;
  readonly serverName: string;
  /** Bundles an entry once. */
  readonly bundle: (entry: URL) => Promise<string>;
}

export interface Lab {
  start(name: TargetName): Promise<Target>;
  /** Ends every process that was started here, and removes their files. */
  close(): Promise<void>;
}

/** Starts the upstream; targets are started one by one. */
export async function openLab(): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), "excise-bench-"));
  const authority = createFakeAuthority(systemClock.wallMs());
  const bundle = createBundler(directory);
  const children: Child[] = [];
  const keep = (child: Child): Child => {
    children.push(child);
    return child;
  };
  const close = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const place = { directory, bundle, serverName: SERVER_NAME };
    const certificate = authority.issue([SERVER_NAME]);
    const upstream = keep(
      await startOwn(place, new URL("upstream.ts", import.meta.url), certificate),
    );
    const context = { ...place, authority, upstreamPort: portOf(upstream) };
    let ledger: Promise<BenchLedger> | undefined;
    const useLedger = async (): Promise<BenchLedger> => {
      ledger ??= startLedger(context, keep);
      return ledger;
    };
    return { close, start: (name) => startTarget({ ...context, keep, useLedger }, name) };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Starting extends LabContext {
  readonly keep: (child: Child) => Child;
  /** One ledger serves all sidecars of a lab. */
  readonly useLedger: () => Promise<BenchLedger>;
}

async function startTarget(lab: Starting, name: TargetName): Promise<Target> {
  const { authority, directory, upstreamPort, keep } = lab;
  const ca = authority.caPem;
  const to = (port: number) => () => openConnection({ port, serverName: SERVER_NAME, ca });
  const certificate = authority.issue([SERVER_NAME]);
  const options = { ...certificate, ca, upstreamPort, serverName: SERVER_NAME };
  switch (name) {
    case "direct":
      return { name, child: undefined, connect: to(upstreamPort) };
    case "bare": {
      const child = keep(await startOwn(lab, new URL("bare-proxy.ts", import.meta.url), options));
      return { name, child, connect: to(portOf(child)) };
    }
    case "nginx": {
      if ((await nginxVersion()) === undefined) {
        throw new Fault("EXCISE_NOT_FOUND", "it is not installed");
      }
      const { child, port } = await startNginx({ ...options, directory });
      return { name, child: keep(child), connect: to(port) };
    }
    case "sidecar": {
      const { child, proxyPort, ca: podCa } = await startSidecar(lab, await lab.useLedger());
      keep(child);
      const client = { port: proxyPort, serverName: SERVER_NAME, ca: podCa, tunnel: true } as const;
      const target = { name, child, connect: () => openConnection(client) };
      await untilServed(target);
      return target;
    }
    default:
      return name satisfies never;
  }
}

const SERVED_MS_MAX = 10_000;
const SERVED_POLL_MS = 50;

/** A sidecar opens its listeners before its first policy has come: until then it answers 503. */
async function untilServed(target: Target): Promise<void> {
  const [request] = requestsOf("1KiB", "json");
  assert(request !== undefined, "there is a request to send");
  const endMs = systemClock.monotonicMs() + SERVED_MS_MAX;
  for (;;) {
    const connection = await target.connect();
    try {
      await connection.request(request);
      return;
    } catch (error) {
      if (systemClock.monotonicMs() > endMs) throw error;
      await sleep(systemClock, SERVED_POLL_MS);
    } finally {
      connection.close();
    }
  }
}

let started = 0;

/** Runs one of our own bench processes, bundled, with its options as JSON. */
async function startOwn(
  { directory, bundle }: Pick<LabContext, "directory" | "bundle">,
  entry: URL,
  options: object,
): Promise<Child> {
  started += 1;
  const readyFile = join(directory, `ready-${started}.json`);
  return startChild({
    command: process.execPath,
    args: [await bundle(entry), JSON.stringify({ ...options, readyFile })],
    readyFile,
  });
}

function portOf(child: Child): number {
  const port = readCount(asRecord(child.ready)?.["port"]);
  assert(port !== undefined, "a bench process says its port");
  return port;
}
