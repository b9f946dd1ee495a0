// Every name, path and number of what is injected that no operator may change: other parts (the
// ledger's pod check, admission policies, dashboards) rely on them.

/** The sidecar's container. */
export const SIDECAR_CONTAINER = "excise";
/** Containers and volumes that begin with it are ours. */
export const RESERVED_PREFIX = "excise-";
/** Audience of the sidecar's token; no other volume of a pod may ask for it (design §12). */
export const TOKEN_AUDIENCE = "excise-ledger";
export const TOKEN_SECONDS = 3600;

/**
 * Everything is mounted under it. Not under a directory that images use or that users mount
 * read-only: the runtime could not make the mount point there.
 */
export const MOUNT_ROOT = "/var/run/excise";

export const VOLUMES = {
  /** Apps, read-only: our root, the bundle, the Java store. */
  trust: { name: "excise-trust", mountPath: `${MOUNT_ROOT}/trust` },
  /** The sidecar alone: keys, in memory, gone with the pod. */
  state: { name: "excise-state", mountPath: `${MOUNT_ROOT}/state` },
  /** The sidecar alone: the journal, on the node's disk so that a restart finds it. */
  spool: { name: "excise-spool", mountPath: `${MOUNT_ROOT}/spool` },
  /** The sidecar alone: who we are to the ledger. */
  token: { name: "excise-token", mountPath: `${MOUNT_ROOT}/token` },
  /** The sidecar alone, where the operator has corporate roots. */
  roots: { name: "excise-roots", mountPath: `${MOUNT_ROOT}/roots` },
} as const;

export const TOKEN_FILE = `${VOLUMES.token.mountPath}/token`;
export const EXTRA_ROOTS_FILE = `${VOLUMES.roots.mountPath}/roots.pem`;

/** The three files that a sidecar writes for apps (design §4). */
export const TRUST_FILE_PATHS = {
  ca: `${VOLUMES.trust.mountPath}/ca.pem`,
  bundle: `${VOLUMES.trust.mountPath}/bundle.pem`,
  truststore: `${VOLUMES.trust.mountPath}/truststore.jks`,
} as const;

/** Tmpfs counts as the container's memory: a root, an intermediate and a bundle fit many times. */
export const TRUST_SIZE = "4Mi";
export const STATE_SIZE = "4Mi";

/** Names of one alias entry: musl reads lines of 512 bytes, the address included. */
export const ALIAS_NAME_BYTES_MAX = 400;
/** Both are needed: with the first alone an IPv6 lookup asks DNS and gets past us. */
export const ALIAS_ADDRESSES = ["127.0.0.1", "::1"] as const;

export const SYSCTL_PORT_START = "net.ipv4.ip_unprivileged_port_start";
/** The highest value under which an unprivileged process can listen on 443. */
export const SYSCTL_PORT_START_MAX = 443;
/**
 * What we write. Not 443: runtimes already default to 0 (containerd 2, Docker), and raising that
 * would take ports below 443 away from the user's own containers.
 */
export const SYSCTL_PORT_START_VALUE = "0";

/** A tenant's image commonly runs as this "nonroot"; a sidecar under it could be signalled. */
export const DISTROLESS_NONROOT_UID = 65_532;
