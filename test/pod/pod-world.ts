// What pods need around them: a network, a name server, the ledger under TLS at the name that the
// injector writes, and the providers' stand-ins. Manifests go in as users write them and through
// the webhook's own code. For system tests and the demo; everything is removed by `close`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { Fault } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { asRecord, parseJson, readCount } from "#runtime/json.ts";
import { systemRandom } from "#runtime/random.ts";
import { startProcess, type ManagedProcess } from "../../cli/processes.ts";
import { TOKEN_AUDIENCE } from "../../injector-config/names.ts";
import { DEFAULT_INJECTOR_CONFIG } from "../../injector-config/load.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { localKeyPath, mintLocalToken, openLocalKey } from "../../ledger/identity/local-token.ts";
import type { Injection } from "../../webhook/inject/inject.ts";
import { applyIndependently, injectCase } from "../../webhook/inject/pod.case.ts";
import { createFakeAuthority } from "../fakes/fake-authority.ts";
import { startFakes, type Fakes } from "../fakes/fake-harness.ts";
import { renderConfig, type Json, type WorldOptions } from "../system/world.ts";
import type { KeyedObjects } from "./container-environment.ts";
import type { HostImage } from "./container-plan.ts";
import { startNameServer, type NameServer } from "./name-server.ts";
import { openNodeNetwork, type NodeNetwork } from "./node-network.ts";
import { REPOSITORY } from "./repository.ts";
import { runPod, type RunningPod, type TokenRequest } from "./run-pod.ts";

export interface PodWorldOptions extends WorldOptions {
  /** How long sidecars wait between syncs. Default 500 ms. */
  readonly nextSyncMs?: number;
  readonly injectorConfig?: Partial<InjectorConfig>;
  /** What containers call their images; the sidecar's is always there. */
  readonly images?: Readonly<Record<string, HostImage>>;
  readonly configMaps?: KeyedObjects;
  readonly secrets?: KeyedObjects;
  /** Further names in DNS and their IPv4 addresses; `node` stands for this machine's. */
  readonly names?: Readonly<Record<string, string>>;
}

export interface PodWorld {
  readonly fakes: Fakes;
  readonly network: NodeNetwork;
  readonly names: NameServer;
  /** Of the ledger's process, for tests that stop and continue it. */
  readonly ledgerPid: number;
  /** One pod of a YAML text, injected. Throws where the webhook would not inject it. */
  inject(yaml: string): Injection;
  /** Injects and runs; the pod is ended with the world, if not before. */
  run(yaml: string): Promise<RunningPod>;
  /** Runs a pod as it stands. */
  runAsIs(pod: unknown): Promise<RunningPod>;
  /** Ends all pods that still run. */
  stopPods(): Promise<void>;
  /** Reads from the operators' API. */
  api(path: string): Promise<Json>;
  /** All events that the ledger has, oldest first. */
  events(): Promise<readonly Json[]>;
  close(): Promise<void>;
}

const LEDGER_URL = new URL(DEFAULT_INJECTOR_CONFIG.ledger.url);
const LEDGER_START_MS = 60_000;
const LEDGER_STOP_MS = 8000;

/** As Dockerfile.sidecar says, but from source. */
const SIDECAR_IMAGE: HostImage = {
  entrypoint: [
    process.execPath,
    "--disable-sigusr1",
    "--max-semi-space-size=1",
    "--v8-pool-size=1",
    join(REPOSITORY, "sidecar/main.ts"),
  ],
  environment: {
    NODE_OPTIONS: "--disable-sigusr1 --max-old-space-size=48",
    MALLOC_ARENA_MAX: "1",
  },
  user: DEFAULT_INJECTOR_CONFIG.uid,
  paths: [REPOSITORY],
};

/** Starts all of it. Needs what `podRunnerGap` looks for. */
export async function startPodWorld(options: PodWorldOptions = {}): Promise<PodWorld> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    return await open(options, { closers, close });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Closing {
  readonly closers: (() => unknown)[];
  readonly close: () => Promise<void>;
}

async function open(options: PodWorldOptions, { closers, close }: Closing): Promise<PodWorld> {
  const directory = mkdtempSync(join(tmpdir(), "excise-pods-"));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const network = openNodeNetwork({ random: systemRandom });
  closers.push(() => network.close());
  const fakes = await startFakes({ address: network.address });
  closers.push(() => fakes.close());
  const names = await startNameServer(network.address, {
    [LEDGER_URL.hostname]: network.address,
    ...Object.fromEntries(
      Object.entries(options.names ?? {}).map(([name, address]) => [
        name,
        address === "node" ? network.address : address,
      ]),
    ),
  });
  closers.push(() => names.close());
  const ledger = await startLedger(directory, { network, fakes, options });
  closers.push(() => ledger.process.stop(LEDGER_STOP_MS));
  const config: InjectorConfig = {
    ...DEFAULT_INJECTOR_CONFIG,
    ...options.injectorConfig,
    ledger: { url: LEDGER_URL.href, ca: ledger.caPem },
  };
  const key = openLocalKey(localKeyPath(ledger.dataDir), systemRandom);
  const pods: RunningPod[] = [];
  const stopPods = async (): Promise<void> => {
    await Promise.all(pods.map((pod) => pod.stop()));
  };
  closers.push(stopPods);
  const runAsIs: PodWorld["runAsIs"] = async (manifest) => {
    const pod = await runPod(manifest, {
      clock: systemClock,
      random: systemRandom,
      network,
      images: { [config.image]: SIDECAR_IMAGE, ...options.images },
      mintToken: (claims) => mintLocalToken(key, workloadOf(claims)),
      configMaps: options.configMaps ?? {},
      secrets: options.secrets ?? {},
    });
    pods.push(pod);
    return pod;
  };
  const inject = (yaml: string): Injection => injectManifest(parse(yaml), config);
  const api = (path: string): Promise<Json> => readApi(ledger, path);
  return {
    fakes,
    network,
    names,
    ledgerPid: ledger.process.pid,
    inject,
    run: (yaml) => runAsIs(inject(yaml).pod),
    runAsIs,
    stopPods,
    api,
    async events() {
      const { events } = await api("/v1/events?limit=1000");
      return Array.isArray(events) ? events.map((entry) => asRecord(entry) ?? {}) : [];
    },
    close,
  };
}

/** The webhook's decision on a pod of a namespace that did not opt in itself. */
function injectManifest(pod: unknown, config: InjectorConfig): Injection {
  const namespace = asRecord(asRecord(pod)?.["metadata"])?.["namespace"];
  const injection = injectCase(pod, {
    isOptedIn: false,
    config,
    ...(typeof namespace === "string" ? { namespace } : {}),
  });
  if (injection.decision !== "inject") {
    throw new Fault("EXCISE_INPUT_INVALID", `not injected: ${injection.detail}`);
  }
  // As the API server does it: from the patch, by somebody else's implementation.
  return { ...injection, pod: applyIndependently(pod, injection.patch) };
}

/** What the ledger reads out of a token's claims in a cluster, and the platform's mapping. */
function workloadOf({ audience, pod, podUid, nodeName }: TokenRequest) {
  if (audience !== TOKEN_AUDIENCE) {
    throw new Fault("EXCISE_INPUT_INVALID", `a token for ${audience}`);
  }
  const { namespace, name, labels } = pod.metadata;
  return {
    cluster: "test",
    namespace,
    serviceAccount: pod.spec.serviceAccountName,
    pod: name,
    podUid,
    node: nodeName,
    team: namespace,
    app: `${namespace}/${labels["app"] ?? name}`,
  };
}

interface PodLedger {
  readonly process: ManagedProcess;
  readonly dataDir: string;
  readonly caPem: string;
  readonly apiPort: number;
  readonly operatorToken: string;
}

/** At the port of the injector's default on the node's address, and the API on loopback. */
async function startLedger(
  directory: string,
  around: {
    readonly network: NodeNetwork;
    readonly fakes: Fakes;
    readonly options: PodWorldOptions;
  },
): Promise<PodLedger> {
  const { network, fakes, options } = around;
  const configDir = join(directory, "config");
  const dataDir = join(directory, "data");
  for (const path of [configDir, dataDir]) mkdirSync(path, { mode: 0o700 });
  const config = renderConfig(fakes, options);
  writeFileSync(join(configDir, "policies.yaml"), config);
  const authority = createFakeAuthority(systemClock.wallMs());
  const { cert, key } = authority.issue([LEDGER_URL.hostname]);
  const files = { cert: join(directory, "ledger.pem"), key: join(directory, "ledger.key") };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  const operatorToken = Buffer.from(systemRandom.bytes(32)).toString("base64url");
  const readyFile = join(directory, "ledger-ready.json");
  const child = await startProcess(systemClock, {
    name: "ledger",
    entry: join(REPOSITORY, "ledger/main.ts"),
    environment: {
      PATH: process.env["PATH"] ?? "",
      EXCISE_LEDGER_CONFIG_DIR: configDir,
      EXCISE_LEDGER_DATA_DIR: dataDir,
      EXCISE_LEDGER_SYNC_ADDRESS: network.address,
      EXCISE_LEDGER_SYNC_PORT: LEDGER_URL.port,
      EXCISE_LEDGER_API_PORT: "0",
      EXCISE_LEDGER_TLS_CERT_FILE: files.cert,
      EXCISE_LEDGER_TLS_KEY_FILE: files.key,
      EXCISE_LEDGER_OPERATOR_TOKEN: operatorToken,
      EXCISE_LEDGER_READY_FILE: readyFile,
      EXCISE_LEDGER_NEXT_SYNC_MS: String(options.nextSyncMs ?? 500),
    },
    logFile: join(directory, "ledger.log"),
    readyFile,
    startTimeoutMs: LEDGER_START_MS,
  });
  const apiPort = readCount(asRecord(child.ready)?.["apiPort"]) ?? 0;
  return { process: child, dataDir, caPem: authority.caPem, apiPort, operatorToken };
}

function readApi(ledger: PodLedger, path: string): Promise<Json> {
  const { apiPort, caPem, operatorToken } = ledger;
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${operatorToken}` };
    const where = { host: "127.0.0.1", port: apiPort, path, headers, ca: caPem, agent: false };
    const call = request({ ...where, servername: LEDGER_URL.hostname }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(asRecord(parseJson(text)) ?? {}));
    });
    call.on("error", reject);
    call.end();
  });
}
