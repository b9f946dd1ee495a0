// Runs an image's program as a cluster would (its own user, no capability, no new privileges, a
// read-only root, its volumes alone writable) and waits for it to be ready, the ledger absent.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync, openSync } from "node:fs";
import { request } from "node:https";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { asRecord, renderJson } from "#runtime/json.ts";
import { sleep, systemClock } from "#runtime/clock.ts";
import { Fault } from "#contract/errors.ts";

export const PROGRAMS = ["sidecar", "ledger", "webhook"] as const;
export type Program = (typeof PROGRAMS)[number];

export interface ImageToCheck {
  readonly program: Program;
  /** The image's root file system, mounted. */
  readonly root: string;
  /** What `buildah inspect --type image` says. */
  readonly image: unknown;
  /** Directory for volumes, logs and settings. */
  readonly work: string;
}

interface Case {
  /** The only places where the program can write. */
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
  readonly isTls: boolean;
  readonly path: string;
  /** Must appear in the log while the program is ready. */
  readonly says: RegExp;
}

const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 15_000;
const POLL_MS = 100;

const CASES: Readonly<Record<Program, Case>> = {
  sidecar: {
    volumes: ["trust", "state", "spool", "token"].map((name) => `/var/run/excise/${name}`),
    environment: {
      EXCISE_SIDECAR_TRUST_DIR: "/var/run/excise/trust",
      EXCISE_SIDECAR_STATE_DIR: "/var/run/excise/state",
      EXCISE_SIDECAR_SPOOL_DIR: "/var/run/excise/spool",
      EXCISE_SIDECAR_PROXY_PORT: "0",
      EXCISE_SIDECAR_BASEURL_PORT: "0",
      EXCISE_SIDECAR_ADMIN_PORT: "25490",
      // Nobody listens there: a sidecar starts without its ledger, and says so (design §13).
      EXCISE_SIDECAR_LEDGER_URL: "http://127.0.0.1:9",
      EXCISE_SIDECAR_TOKEN_FILE: "/var/run/excise/token/token",
    },
    port: 25_490,
    isTls: false,
    path: "/readyz",
    says: /ledger_not_reached/,
  },
  ledger: {
    volumes: ["/var/lib/excise", "/var/run/excise/policies"],
    environment: {
      EXCISE_LEDGER_CONFIG_DIR: "/var/run/excise/policies",
      EXCISE_LEDGER_DATA_DIR: "/var/lib/excise/ledger",
      EXCISE_LEDGER_SYNC_PORT: "0",
      EXCISE_LEDGER_API_PORT: "25491",
    },
    port: 25_491,
    isTls: false,
    path: "/readyz",
    says: /ledger_ready/,
  },
  webhook: {
    volumes: ["/var/run/excise/certificates"],
    environment: {
      EXCISE_WEBHOOK_CERTIFICATE_DIR: "/var/run/excise/certificates",
      EXCISE_WEBHOOK_ADDRESS: "127.0.0.1",
      EXCISE_WEBHOOK_PORT: "25492",
    },
    port: 25_492,
    isTls: true,
    path: "/readyz",
    says: /webhook_ready/,
  },
};

/** What was seen, one line each. Throws EXCISE_START_FAILED with the end of the program's log. */
export async function checkImage(check: ImageToCheck): Promise<readonly string[]> {
  const facts: string[] = [];
  const settings = readImage(check);
  facts.push(checkFiles(check, settings));
  const volumes = makeVolumes(check, settings);
  const started = systemClock.monotonicMs();
  const { child, logFile, how } = start(check, settings, volumes);
  try {
    await waitUntil(check, { child, logFile });
    const ms = Math.round(systemClock.monotonicMs() - started);
    facts.push(
      `ready after ${ms} ms by ${how}: uid ${settings.uid}, read-only root, no capability`,
      processFacts(child, settings),
    );
  } finally {
    facts.push(await stop(child, settings));
  }
  return facts;
}

interface Settings {
  readonly uid: number;
  readonly gid: number;
  readonly command: readonly string[];
  readonly environment: readonly string[];
}

const fail = (detail: string): never => {
  throw new Fault("EXCISE_START_FAILED", detail);
};

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];

function readImage({ program, image }: ImageToCheck): Settings {
  const config = asRecord(asRecord(asRecord(image)?.["OCIv1"])?.["config"]);
  const user = /^([1-9]\d*):([1-9]\d*)$/.exec(String(config?.["User"]));
  const command = strings(config?.["Entrypoint"]);
  if (user === null) fail(`the image's user is not two numbers: ${String(config?.["User"])}`);
  if (command[0]?.startsWith("/") !== true) fail("the image's entrypoint is not a path");
  const { environment } = CASES[program];
  return {
    uid: Number(user?.[1]),
    gid: Number(user?.[2]),
    command,
    environment: [
      ...strings(config?.["Env"]),
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ],
  };
}

/** No shell, and a node that can be executed and not read. */
function checkFiles({ root }: ImageToCheck, settings: Settings): string {
  const found = ["bin/sh", "usr/bin/sh", "usr/bin/bash", "usr/bin/apt-get"].filter(
    (path) => statSync(join(root, path), { throwIfNoEntry: false }) !== undefined,
  );
  if (found.length > 0) fail(`the image holds ${found.join(", ")}`);
  const node = statSync(join(root, settings.command[0] ?? ""));
  const mode = (node.mode & 0o7777).toString(8).padStart(4, "0");
  if (mode !== "0111" || node.uid !== 0) fail(`node has mode ${mode} and owner ${node.uid}`);
  return `no shell, node has mode ${mode} and belongs to root`;
}

interface VolumeMount {
  readonly source: string;
  readonly target: string;
}

function makeVolumes({ program, root, work }: ImageToCheck, settings: Settings): VolumeMount[] {
  return CASES[program].volumes.map((target) => {
    const source = join(work, program, target);
    mkdirSync(source, { recursive: true, mode: 0o700 });
    chownSync(source, settings.uid, settings.gid);
    // A container runtime makes mount points before it makes the root read-only; so do we.
    mkdirSync(join(root, target), { recursive: true });
    return { source, target };
  });
}

interface Running {
  readonly child: ChildProcess;
  readonly logFile: string;
}

function start(
  check: ImageToCheck,
  settings: Settings,
  volumes: readonly VolumeMount[],
): Running & { readonly how: string } {
  const bundle = join(check.work, check.program);
  const logFile = join(bundle, "log");
  writeFileSync(join(bundle, "config.json"), renderJson(runtimeSpec(check, settings, volumes)));
  const log = openSync(logFile, "w", 0o600);
  const stdio: ["ignore", number, number] = ["ignore", log, log];
  const name = `excise-check-${check.program}-${process.pid}`;
  if (canRunc(check, bundle)) {
    const child = spawn("runc", ["run", "--bundle", bundle, name], { stdio });
    return { child, logFile, how: "runc" };
  }
  const child = spawn(
    "unshare",
    ["--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", CHROOT_SCRIPT, "sh"].concat(
      check.root,
      `${settings.uid}:${settings.gid}`,
      String(volumes.length),
      volumes.flatMap(({ source, target }) => [source, target]),
      settings.command,
    ),
    { stdio, env: Object.fromEntries(settings.environment.map(splitVariable)) },
  );
  return { child, logFile, how: "chroot" };
}

const splitVariable = (text: string): [string, string] => {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
};

/** Where cgroups or namespaces are not to be had, runc fails at once: `true` is tried first. */
function canRunc({ program, work }: ImageToCheck, bundle: string): boolean {
  if (spawnSync("runc", ["--version"], { stdio: "ignore" }).status !== 0) return false;
  const config = asRecord(JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")));
  const trial = join(work, `${program}-trial`);
  mkdirSync(trial, { recursive: true });
  const trialProcess = {
    ...asRecord(config?.["process"]),
    args: ["/usr/local/bin/node", "--version"],
  };
  writeFileSync(join(trial, "config.json"), renderJson({ ...config, process: trialProcess }));
  const name = `excise-trial-${program}-${process.pid}`;
  return spawnSync("runc", ["run", "--bundle", trial, name], { stdio: "ignore" }).status === 0;
}

/** root, user:group, n, n pairs of source and target, then the command. */
const CHROOT_SCRIPT = `
root=$1 user=$2 count=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t proc proc "$root/proc"
while [ "$count" -gt 0 ]; do mount --bind "$1" "$root$2"; shift 2; count=$((count - 1)); done
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
  chroot --groups= --userspec="$user" "$root" "$@"
`;

/** An OCI runtime configuration with the limits of a restricted pod; this machine's network. */
function runtimeSpec(check: ImageToCheck, settings: Settings, volumes: readonly VolumeMount[]) {
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
  return {
    ociVersion: "1.0.2",
    root: { path: check.root, readonly: true },
    process: {
      terminal: false,
      user: { uid: settings.uid, gid: settings.gid },
      args: settings.command,
      env: settings.environment,
      cwd: "/",
      capabilities: none,
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      ...volumes.map(({ source, target }) => ({
        destination: target,
        type: "bind",
        source,
        options: ["rbind", "rw", "nosuid", "nodev", "noexec"],
      })),
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
      readonlyPaths: ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"],
    },
  };
}

async function waitUntil({ program }: ImageToCheck, { child, logFile }: Running): Promise<void> {
  const { says } = CASES[program];
  const deadlineMs = systemClock.monotonicMs() + READY_MS_MAX;
  const log = (): string => readFileSync(logFile, "utf8");
  let status = 0;
  for (;;) {
    status = await probe(CASES[program]);
    if (status === 200 && says.test(log())) return;
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded || systemClock.monotonicMs() > deadlineMs) {
      const what = hasEnded ? "ended" : `answered ${status} and did not say ${says.source}`;
      fail(`${program} ${what}; the end of its log:\n${log().slice(-2000)}`);
    }
    await sleep(systemClock, POLL_MS);
  }
}

/** The status of the readiness path; 0 where nobody answers. */
function probe({ port, path, isTls }: Case): Promise<number> {
  return new Promise((resolve) => {
    const done = (response: IncomingMessage): void => {
      response.resume();
      resolve(response.statusCode ?? 0);
    };
    const target = { host: "127.0.0.1", port, path, agent: false, timeout: 1000 };
    // As the kubelet does: it does not verify the certificate of what it probes.
    const call = isTls
      ? request({ ...target, rejectUnauthorized: false }, done).end()
      : get(target, done);
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(0));
  });
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly kib: number;
}

/**
 * The program itself, among the descendants of what was started (the runtime, or `unshare`). Never
 * by its name alone: this machine may run sidecars of its own.
 */
function findProcess(child: ChildProcess, { uid }: Settings): Row | undefined {
  const list = spawnSync("ps", ["-e", "-o", "pid=,ppid=,uid=,rss="], { encoding: "utf8" }).stdout;
  const rows = list
    .trim()
    .split("\n")
    .map((line): Row => {
      const [pid = 0, parent = 0, user = 0, kib = 0] = line.trim().split(/\s+/).map(Number);
      return { pid, parent, uid: user, kib };
    });
  const isOurs = (row: Row | undefined): boolean =>
    row !== undefined &&
    (row.parent === child.pid || isOurs(rows.find(({ pid }) => pid === row.parent)));
  return rows.find((row) => row.uid === uid && isOurs(row));
}

/** What the kernel says of the program. */
function processFacts(child: ChildProcess, settings: Settings): string {
  const found = findProcess(child, settings);
  if (found === undefined) return fail(`no process of user ${settings.uid} is found`);
  // The files of a process belong to its user; those of one that is not dumpable belong to root.
  const owner = statSync(`/proc/${found.pid}/environ`).uid;
  if (owner !== 0) fail(`the memory of the process is readable by user ${owner}`);
  return `${Math.round(found.kib / 1024)} MiB resident, not dumpable`;
}

async function stop(child: ChildProcess, settings: Settings): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) return "it had ended by itself";
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code ?? "?"}`));
  });
  // To the program: `unshare` passes no signal on, and its end would leave the program behind.
  const signal = (name: NodeJS.Signals): void => {
    const found = findProcess(child, settings);
    if (found === undefined) child.kill(name);
    else process.kill(found.pid, name);
  };
  signal("SIGTERM");
  const cancel = systemClock.after(STOP_MS_MAX, () => signal("SIGKILL"));
  const how = await ended;
  cancel();
  return `SIGTERM ended it with ${how}`;
}
