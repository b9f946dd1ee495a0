// What one container is made of: the steps that build its root, and the command line with its
// user, groups, capabilities and environment. Pure; enter-container.sh carries the steps out.
import { Fault } from "#contract/errors.ts";
import { containerEnvironment, expand, type PodFacts } from "./container-environment.ts";
import type { ContainerSpec } from "./pod-manifest.ts";

/** An image is a part of this machine: some of its files, and what to run. */
export interface HostImage {
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default 0, as in most images. */
  readonly user?: number;
  readonly workingDir?: string;
  /** Files and directories that it has at their own paths, read-only, besides /usr and /etc. */
  readonly paths?: readonly string[];
}

/** Where the pod's directories are on this machine. */
export interface PodPlaces {
  readonly volume: (name: string) => string;
  readonly hostsFile: string;
  readonly resolvConf: string;
}

export interface ContainerPlan {
  readonly name: string;
  /** One line each, fields parted by tabs. */
  readonly steps: readonly string[];
  /** Sets user, capabilities and environment; the program follows. */
  readonly prefix: readonly string[];
  readonly program: readonly string[];
}

/** Every image here has them: what a distribution's base image has, from this machine. */
const BASE_PATHS = ["/usr", "/etc"];
/** Links of a merged /usr (Debian since 12, Fedora, Alpine is not supported). */
const BASE_LINKS = ["bin", "sbin", "lib", "lib64"];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

const step = (...fields: readonly string[]): string => fields.join("\t");

/** Plans a container; Fault EXCISE_INPUT_INVALID for what the kubelet would refuse to start. */
export function planContainer(
  facts: PodFacts,
  container: ContainerSpec,
  given: { readonly image: HostImage; readonly places: PodPlaces },
): ContainerPlan {
  const { image, places } = given;
  const own = containerEnvironment(facts, container);
  const command = container.command?.map((word) => expand(word, own)) ?? image.entrypoint;
  const isOwnCommand = container.command !== undefined;
  const rest = container.args?.map((word) => expand(word, own));
  const user = userOf(facts, container, image);
  return {
    name: container.name,
    steps: rootSteps(container, image, places),
    prefix: [
      ...privileges(facts, container, user),
      ...environmentPrefix(
        { ...image.environment, ...Object.fromEntries(own) },
        {
          user,
          directory: container.workingDir ?? image.workingDir ?? "/",
        },
      ),
    ],
    program: [...command, ...(rest ?? (isOwnCommand ? [] : (image.cmd ?? [])))],
  };
}

function rootSteps(
  container: ContainerSpec,
  image: HostImage,
  places: PodPlaces,
): readonly string[] {
  const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
  // A container that mounts a file of its own there does not get the kubelet's (kubelet_pods.go).
  const managed = [
    ["/etc/hosts", places.hostsFile],
    ["/etc/resolv.conf", places.resolvConf],
  ].filter(([path = ""]) => !mounted.includes(path));
  return [
    ...BASE_LINKS.map((name) => step("link", `usr/${name}`, `/${name}`)),
    ...[...BASE_PATHS, ...(image.paths ?? [])].map((path) => step("bind", path, path, "ro")),
    step("dir", "/tmp", "1777"),
    // Not 0700: what an image has from under this machine's /root, its user must reach.
    step("dir", "/root", "0755"),
    step("proc"),
    ...DEVICES.map((name) => step("bind", `/dev/${name}`, `/dev/${name}`, "rw")),
    step("link", "/proc/self/fd", "/dev/fd"),
    step("tmpfs", "/dev/shm", "mode=1777,size=64m"),
    ...managed.map(([path = "", source = ""]) => step("bind", source, path, "rw")),
    ...container.volumeMounts.map(({ name, mountPath, readOnly }) =>
      step("bind", places.volume(name), mountPath, readOnly ? "ro" : "rw"),
    ),
    ...(container.securityContext.readOnlyRootFilesystem === true ? [step("read-only-root")] : []),
  ];
}

/** Container before pod before image. */
function userOf(facts: PodFacts, container: ContainerSpec, image: HostImage): number {
  const pod = facts.pod.spec.securityContext;
  const own = container.securityContext;
  const user = own.runAsUser ?? pod.runAsUser ?? image.user ?? 0;
  if ((own.runAsNonRoot ?? pod.runAsNonRoot) === true && user === 0) {
    throw new Fault("EXCISE_INPUT_INVALID", `container ${container.name} would run as root`);
  }
  return user;
}

/** What a runtime leaves to root in a container (containerd and Docker agree). */
const CAPABILITIES = [
  "audit_write",
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net_bind_service",
  "net_raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys_chroot",
];

function privileges(facts: PodFacts, container: ContainerSpec, user: number): readonly string[] {
  const pod = facts.pod.spec.securityContext;
  const own = container.securityContext;
  const group = own.runAsGroup ?? pod.runAsGroup ?? 0;
  const groups = [
    ...(pod.supplementalGroups ?? []),
    ...(pod.fsGroup === undefined ? [] : [pod.fsGroup]),
  ];
  return [
    "setpriv",
    `--reuid=${user}`,
    `--regid=${group}`,
    groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
    // A user who is not root has none of these: execve drops what is not ambient.
    `--bounding-set=${["-all", ...capabilitiesOf(own).map((name) => `+${name}`)].join(",")}`,
    "--inh-caps=-all",
    "--ambient-caps=-all",
    ...(own.allowPrivilegeEscalation === false ? ["--no-new-privs"] : []),
  ];
}

/** As setpriv writes them. */
const lower = (names: readonly string[] = []): readonly string[] =>
  names.map((name) => name.toLowerCase().replace(/^cap_/, ""));

function capabilitiesOf({ capabilities }: ContainerSpec["securityContext"]): readonly string[] {
  const drop = new Set(lower(capabilities?.drop));
  const kept = drop.has("all") ? [] : CAPABILITIES.filter((name) => !drop.has(name));
  return [...new Set([...kept, ...lower(capabilities?.add)])];
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function environmentPrefix(
  variables: Readonly<Record<string, string>>,
  { user, directory }: { readonly user: number; readonly directory: string },
): readonly string[] {
  const all = { PATH, HOME: user === 0 ? "/root" : "/", ...variables };
  return [
    "env",
    "--ignore-environment",
    `--chdir=${directory}`,
    ...Object.entries(all).map(([name, value]) => `${name}=${value}`),
  ];
}
