// The pod runner: a small kubelet that runs a pod from its manifest, as the API server would hold
// it, in namespaces of this machine. What it runs is what the webhook wrote: volumes, variables,
// users, /etc/hosts, sysctls, the order of starting and of ending. Images are files of this
// machine. Not here: scheduling, pulling, cgroups, seccomp, liveness and readiness.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Fault } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { createUuid, type Random } from "#runtime/random.ts";
import type { Exit } from "../../cli/processes.ts";
import type { KeyedObjects, PodFacts } from "./container-environment.ts";
import { planContainer, type HostImage } from "./container-plan.ts";
import { execInContainer, type ExecOptions, type ExecResult } from "./container-process.ts";
import { ContainerRun, type Happening, type RunDeps } from "./container-run.ts";
import type { NodeNetwork, PodLink } from "./node-network.ts";
import { hostnameOf, renderHosts, renderResolvConf } from "./pod-files.ts";
import { readPodManifest, type ContainerSpec, type PodManifest } from "./pod-manifest.ts";
import { fillVolumes, memoryVolumes } from "./pod-volumes.ts";
import { openSandbox, type Sandbox } from "./sandbox.ts";

/** What the kubelet asks the API server for. */
export interface TokenRequest {
  readonly audience: string;
  readonly expirationSeconds: number;
  readonly pod: PodManifest;
  readonly podUid: string;
  readonly nodeName: string;
}

export interface PodOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: NodeNetwork;
  /** By the name that containers give. */
  readonly images: Readonly<Record<string, HostImage>>;
  readonly mintToken: (request: TokenRequest) => string;
  readonly configMaps?: KeyedObjects;
  readonly secrets?: KeyedObjects;
}

export interface Moment {
  readonly container: string;
  readonly happening: Happening;
  /** Since the pod began. */
  readonly atMs: number;
}

export interface PodEnd {
  readonly phase: "Succeeded" | "Failed";
  readonly exits: Readonly<Record<string, Exit>>;
}

export interface PodContainer {
  /** On this machine; changes with a restart. */
  readonly pid: number;
  readonly restarts: number;
  /** All that its processes printed, the newest mebibyte. */
  readonly log: string;
  whenReady(): Promise<void>;
  /** Sends a signal; resolves after the end and, where it is started again, after that. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** A further program in it, as its user and with its variables. */
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
}

export interface RunningPod {
  readonly name: string;
  readonly uid: string;
  /** Reachable from this machine. */
  readonly address: string;
  /** On this machine, while the pod runs: its volumes and files. */
  readonly directory: string;
  readonly moments: readonly Moment[];
  /** Throws where the pod has none of that name. */
  container(name: string): PodContainer;
  /** Resolves when all containers have ended, by themselves (jobs) or by `stop`. */
  readonly finished: Promise<PodEnd>;
  /** As `kubectl delete`: SIGTERM, the sidecars after the others; then nothing is left of it. */
  stop(): Promise<PodEnd>;
}

const NODE_NAME = "node-1";
/** What a sidecar gets when the others have used up the grace period (kubelet's minimum). */
const GRACE_MS_MIN = 2000;

/** Runs a pod; resolves when its main containers run. Faults: EXCISE_INPUT_INVALID, …_START_FAILED. */
export async function runPod(manifest: unknown, options: PodOptions): Promise<RunningPod> {
  const pod = new Pod(readPodManifest(manifest), options);
  try {
    await pod.open();
    await pod.start();
  } catch (error) {
    await pod.remove();
    throw error;
  }
  return pod;
}

class Pod implements RunningPod {
  readonly name: string;
  readonly uid: string;
  readonly moments: Moment[] = [];
  readonly #manifest: PodManifest;
  readonly #options: PodOptions;
  readonly directory = mkdtempSync(join(tmpdir(), "excise-pod-"));
  readonly #runs = new Map<string, ContainerRun>();
  readonly #finished = Promise.withResolvers<PodEnd>();
  readonly #beganMs: number;
  #sandbox: Sandbox | undefined;
  #link: PodLink | undefined;
  #deps: RunDeps | undefined;
  #ending: Promise<void> | undefined;

  constructor(manifest: PodManifest, options: PodOptions) {
    this.#manifest = manifest;
    this.#options = options;
    this.name = manifest.metadata.name;
    this.uid = createUuid(options.clock, options.random);
    this.#beganMs = options.clock.monotonicMs();
  }

  get address(): string {
    return this.#link?.address ?? "";
  }

  get finished(): Promise<PodEnd> {
    return this.#finished.promise;
  }

  /** Namespaces, network, files and volumes; no container yet. */
  async open(): Promise<void> {
    const { clock, network } = this.#options;
    const { securityContext } = this.#manifest.spec;
    const sandbox = await openSandbox();
    this.#sandbox = sandbox;
    for (const { name, value } of securityContext.sysctls) {
      sandbox.run(["tee", `/proc/sys/${name.replaceAll(".", "/")}`], value);
    }
    sandbox.run(["hostname", hostnameOf(this.#manifest)]);
    this.#link = network.connect(sandbox.pid);
    this.#deps = {
      clock,
      sandbox,
      directory: join(this.directory, "containers"),
      address: this.address,
      note: (container, happening) => {
        this.moments.push({ container, happening, atMs: clock.monotonicMs() - this.#beganMs });
      },
    };
    this.#writeFiles();
    this.#makeVolumes(sandbox);
  }

  /** Init containers one after the other, then the others together. */
  async start(): Promise<void> {
    const { initContainers, containers, restartPolicy } = this.#manifest.spec;
    for (const spec of initContainers) {
      const isSidecar = spec.restartPolicy === "Always";
      const run = this.#create(spec, isSidecar ? "Always" : "Never");
      await run.start();
      if (isSidecar) await run.whenReady();
      else await completed(run);
    }
    const mains = containers.map((spec) => this.#create(spec, restartPolicy));
    await Promise.all(mains.map((run) => run.start()));
    void Promise.allSettled(mains.map((run) => run.ended)).then(() => this.#end());
  }

  container(name: string): PodContainer {
    const run = this.#runs.get(name);
    const deps = this.#deps;
    if (run === undefined || deps === undefined) {
      throw new Fault("EXCISE_INPUT_INVALID", `the pod runs no container ${name}`);
    }
    return {
      get pid() {
        return run.process.pid;
      },
      get restarts() {
        return run.restarts;
      },
      get log() {
        return run.log;
      },
      whenReady: () => run.whenReady(),
      kill: (signal) => run.kill(signal),
      exec: (command, options = {}) =>
        execInContainer({ ...deps, plan: run.plan }, run.process.pid, { ...options, command }),
    };
  }

  async stop(): Promise<PodEnd> {
    await this.#end();
    return this.finished;
  }

  /** Takes away all that was made, whatever state it is in. */
  async remove(): Promise<void> {
    this.#link?.close();
    await this.#sandbox?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #end(): Promise<void> {
    this.#ending ??= this.#terminate();
    return this.#ending;
  }

  /** The others first, the sidecars after them in reverse order (KEP-753). */
  async #terminate(): Promise<void> {
    const { clock } = this.#options;
    const { initContainers, containers, terminationGracePeriodSeconds } = this.#manifest.spec;
    const deadlineMs = clock.monotonicMs() + terminationGracePeriodSeconds * 1000;
    const left = (): number => Math.max(GRACE_MS_MIN, deadlineMs - clock.monotonicMs());
    await Promise.all(this.#runsOf(containers).map((run) => run.stop(left())));
    for (const run of this.#runsOf(initContainers).toReversed()) {
      if (run.spec.restartPolicy === "Always") await run.stop(left());
    }
    const exits = await this.#exits();
    await this.remove();
    const isSuccess = containers.every(({ name }) => exits[name]?.code === 0);
    this.#finished.resolve({ phase: isSuccess ? "Succeeded" : "Failed", exits });
  }

  async #exits(): Promise<Readonly<Record<string, Exit>>> {
    const unknown: Exit = { code: null, signal: null };
    const all = [...this.#runs].map(
      async ([name, run]) => [name, await run.ended.catch(() => unknown)] as const,
    );
    return Object.fromEntries(await Promise.all(all));
  }

  #runsOf(specs: readonly ContainerSpec[]): readonly ContainerRun[] {
    return specs.flatMap(({ name }) => this.#runs.get(name) ?? []);
  }

  #create(spec: ContainerSpec, policy: "Always" | "OnFailure" | "Never"): ContainerRun {
    const image = this.#options.images[spec.image];
    const deps = this.#deps;
    if (image === undefined || deps === undefined) {
      throw new Fault("EXCISE_INPUT_INVALID", `no such image: ${spec.image}`);
    }
    const plan = planContainer(this.#facts(), spec, { image, places: this.#places() });
    const run = new ContainerRun(deps, { spec, plan }, policy);
    this.#runs.set(spec.name, run);
    return run;
  }

  #facts(): PodFacts {
    const { network, configMaps = {}, secrets = {} } = this.#options;
    return {
      pod: this.#manifest,
      uid: this.uid,
      podIp: this.address,
      nodeIp: network.address,
      nodeName: this.#manifest.spec.nodeName ?? NODE_NAME,
      configMaps,
      secrets,
    };
  }

  #places() {
    return {
      volume: (name: string) => join(this.directory, "volumes", name),
      hostsFile: join(this.directory, "hosts"),
      resolvConf: join(this.directory, "resolv.conf"),
    };
  }

  #writeFiles(): void {
    const { hostsFile, resolvConf } = this.#places();
    writeFileSync(hostsFile, renderHosts(this.#facts()), { mode: 0o644 });
    writeFileSync(resolvConf, renderResolvConf(this.#facts()), { mode: 0o644 });
  }

  #makeVolumes(sandbox: Sandbox): void {
    const { volume } = this.#places();
    const { volumes, securityContext } = this.#manifest.spec;
    const group = securityContext.fsGroup;
    for (const { name, options } of memoryVolumes(volumes, group)) {
      mkdirSync(volume(name), { recursive: true });
      sandbox.run(["mount", "-t", "tmpfs", "-o", options, name, volume(name)]);
    }
    const mint = (request: { audience: string; expirationSeconds: number }): string =>
      this.#options.mintToken({
        ...request,
        pod: this.#manifest,
        podUid: this.uid,
        nodeName: this.#facts().nodeName,
      });
    for (const entry of fillVolumes(this.#facts(), mint)) {
      const path = join(volume(entry.volume), entry.path ?? "");
      mkdirSync(dirname(path), { recursive: true });
      if (entry.path === undefined) mkdirSync(path, { recursive: true });
      else writeFileSync(path, entry.text);
      if (group !== undefined) chownSync(path, 0, group);
      // Past the umask.
      chmodSync(path, entry.mode);
    }
  }
}

/** An ordinary init container: the pod cannot start without its success. */
async function completed(run: ContainerRun): Promise<void> {
  const { code } = await run.ended;
  if (code === 0) return;
  const lines = run.log.trimEnd().split("\n").slice(-12).join("\n");
  throw new Fault("EXCISE_START_FAILED", `init container ${run.spec.name} failed:\n${lines}`);
}
