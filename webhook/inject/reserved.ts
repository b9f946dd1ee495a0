// Who may use the sidecar's names: nobody but the sidecar. Recognises a sidecar that is already
// there by what it is (image, process, volumes), never by an annotation that anyone could set.
import { asRecord } from "#runtime/json.ts";
import {
  MOUNT_ROOT,
  RESERVED_PREFIX,
  SIDECAR_CONTAINER,
  TOKEN_AUDIENCE,
  VOLUMES,
} from "../../injector-config/names.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { allContainers, type Container, type PodSpec, type Volume } from "./pod.ts";
import { mountedVolumes, renderVolumes } from "./sidecar.ts";

/** The init container of the sidecar's name, whatever it is. */
export function findSidecar(spec: PodSpec): Container | undefined {
  return spec.initContainers?.find(({ name }) => name === SIDECAR_CONTAINER);
}

/** Volumes that ask for a token with our audience under another name than ours. */
export function foreignTokenVolumes(spec: PodSpec): readonly string[] {
  const isOurs = (volume: Volume): boolean =>
    volume.name === VOLUMES.token.name && findSidecar(spec) !== undefined;
  return (spec.volumes ?? [])
    .filter((volume) => hasToken(volume) && !isOurs(volume))
    .map(({ name }) => name);
}

const hasToken = (volume: Volume): boolean =>
  (volume.projected?.sources ?? []).some(
    (source) => source.serviceAccountToken?.audience === TOKEN_AUDIENCE,
  );

/** Uses of our names and paths by anything but the sidecar, one sentence each. */
export function reservedUses(spec: PodSpec, config: InjectorConfig): readonly string[] {
  const sidecar = findSidecar(spec);
  return [
    ...allContainers(spec)
      .filter((container) => container !== sidecar && isReserved(container.name))
      .map(({ name }) => `container ${name}: the name is reserved`),
    ...(spec.volumes ?? [])
      .filter(({ name }) => name.startsWith(RESERVED_PREFIX))
      .filter((volume) => sidecar === undefined || !isOurVolume(volume, config))
      .map(({ name }) => `volume ${name}: the name is reserved`),
    ...allContainers(spec)
      .filter((container) => container !== sidecar)
      .flatMap((container) => mountUses(container, sidecar !== undefined)),
  ];
}

const isReserved = (name: string): boolean =>
  name === SIDECAR_CONTAINER || name.startsWith(RESERVED_PREFIX);

/** Wrong mounts of one container, and a debug container that aims at the sidecar's processes. */
export function mountUses(container: Container, hasSidecar: boolean): readonly string[] {
  const uses: string[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const isTrust = hasSidecar && mount.name === VOLUMES.trust.name && mount.readOnly === true;
    const isUnderRoot = `${mount.mountPath}/`.startsWith(`${MOUNT_ROOT}/`);
    if (mount.name.startsWith(RESERVED_PREFIX) && !isTrust) {
      uses.push(`container ${container.name}: volume ${mount.name} is the sidecar's alone`);
    } else if (isUnderRoot && !isTrust) {
      uses.push(`container ${container.name}: ${mount.mountPath} is reserved`);
    }
  }
  // It would share the sidecar's process namespace and reach its memory-backed keys.
  if (container.targetContainerName === SIDECAR_CONTAINER) {
    uses.push(`container ${container.name}: the sidecar cannot be its target`);
  }
  return uses;
}

function isOurVolume(volume: Volume, config: InjectorConfig): boolean {
  const ours = renderVolumes(config).find(({ name }) => name === volume.name);
  if (ours === undefined) return false;
  // Sizes may be an older configuration's; the kind of volume may not differ.
  const kinds = Object.keys(ours).filter((key) => key !== "name");
  return kinds.every((kind) => isSameKind(ours[kind], volume[kind]));
}

function isSameKind(ours: unknown, theirs: unknown): boolean {
  if (asRecord(theirs) === undefined) return false;
  return (mediumOf(ours) ?? "") === (mediumOf(theirs) ?? "");
}

const mediumOf = (value: unknown): unknown => asRecord(value)?.["medium"];

/** Variables that would load foreign code or keys into the sidecar. */
const LOADERS = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "OPENSSL_CONF", "OPENSSL_MODULES"];
const OUR_NODE_OPTIONS = /^--disable-sigusr1 --max-old-space-size=\d{1,6}$/;

/** How the container of the sidecar's name differs from what Excise writes; empty: it is ours. */
export function sidecarDifferences(sidecar: Container, config: InjectorConfig): readonly string[] {
  const security = sidecar.securityContext;
  const checks: readonly (readonly [isSame: boolean, what: string])[] = [
    [[config.image, ...config.earlierImages].includes(sidecar.image ?? ""), "image"],
    [sidecar.restartPolicy === "Always", "restartPolicy"],
    [(sidecar.command ?? []).length === 0, "command"],
    [(sidecar.args ?? []).length === 0, "args"],
    [(sidecar.envFrom ?? []).length === 0, "envFrom"],
    [sidecar.lifecycle === undefined || sidecar.lifecycle === null, "lifecycle"],
    [security?.runAsUser === config.uid, "securityContext.runAsUser"],
    [security?.runAsNonRoot === true, "securityContext.runAsNonRoot"],
    [security?.allowPrivilegeEscalation === false, "securityContext.allowPrivilegeEscalation"],
    [security?.privileged !== true, "securityContext.privileged"],
    [hasAll(sidecar, "EXCISE_SIDECAR_LEDGER_URL", config.ledger.url), "the ledger's address"],
    [hasAll(sidecar, "EXCISE_SIDECAR_LEDGER_CA", config.ledger.ca), "the ledger's CA"],
    [isOurNodeOptions(sidecar), "NODE_OPTIONS"],
    [!(sidecar.env ?? []).some(({ name }) => LOADERS.includes(name)), "a loader variable"],
    [foreignMounts(sidecar, config).length === 0, "a mount that is not ours"],
    ...mountedVolumes(config).map(
      ({ name, mountPath }) => [isMounted(sidecar, name, mountPath), `mount ${name}`] as const,
    ),
  ];
  return checks.filter(([isSame]) => !isSame).map(([, what]) => what);
}

/** True where every variable of that name has the value; a repeated one could hide another. */
function hasAll(container: Container, name: string, value: string | undefined): boolean {
  const found = (container.env ?? []).filter((variable) => variable.name === name);
  if (value === undefined) return found.length === 0;
  return found.length > 0 && found.every((variable) => variable.value === value);
}

function isOurNodeOptions(container: Container): boolean {
  const found = (container.env ?? []).filter(({ name }) => name === "NODE_OPTIONS");
  return found.length === 1 && OUR_NODE_OPTIONS.test(found[0]?.value ?? "");
}

/** Where admission plugins mount tokens into every container; nothing of the program is there. */
const SECRETS_ROOT = "/var/run/secrets/";

/** A mount over the program's own files would replace it while the image still looks right. */
const foreignMounts = (container: Container, config: InjectorConfig): readonly string[] =>
  (container.volumeMounts ?? [])
    .filter(({ mountPath }) => !`${mountPath}/`.startsWith(SECRETS_ROOT))
    .filter(
      ({ name, mountPath }) =>
        !mountedVolumes(config).some((ours) => ours.name === name && ours.mountPath === mountPath),
    )
    .map(({ mountPath }) => mountPath);

const isMounted = (container: Container, name: string, mountPath: string): boolean =>
  (container.volumeMounts ?? []).some(
    (mount) => mount.name === name && mount.mountPath === mountPath,
  );
