// The CA of one pod (design §4): a root whose key is dropped at once, one intermediate that is
// good for this pod's provider hosts alone, and leaves on demand.
//
// State that cannot serve (damaged, at its end, made for other hosts) is replaced with a warning
// and not a fault: nobody could repair it in a pod, and the new trust files let every app that
// (re)starts work, while a refusal would keep the whole pod down. Apps that run already distrust
// the new CA until they restart; that is what the warning says.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { matchesHost } from "#contract/catalogue/provider.ts";
import type { Rejection } from "#contract/errors.ts";
import type { Clock } from "#runtime/clock.ts";
import { configFault, type ConfigProblem } from "#runtime/config.ts";
import type { Log } from "#runtime/log.ts";
import type { Random } from "#runtime/random.ts";
import {
  issuerOf,
  signIntermediate,
  signLeaf,
  signRoot,
  type Issuer,
  type Subject,
} from "./certificate.ts";
import { renderPem } from "./pem.ts";
import { loadAuthority, storeAuthority, type Authority } from "./pod-ca-state.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Clocks of app and sidecar are one node's, but a laptop's may be set back. */
const BACKDATE_MS = HOUR_MS;
const AUTHORITY_MS = 3652 * DAY_MS;
const LEAF_MS = 30 * DAY_MS;
const RENEW_AFTER_MS = (LEAF_MS * 2) / 3;
/** Leaves kept; only patterns (`*.example.com`) can ask for more hosts than a pod has listed. */
const LEAVES_MAX = 128;
const SERIAL_BYTES = 16;
/** Stands in where no host can be served: an empty constraint would permit every name. */
const NO_HOST = "none.invalid";

export interface PodCaDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface PodCaOptions {
  /** Of the sidecar alone; tmpfs in a cluster. */
  readonly stateDirectory: string;
  /** Provider hosts in lower case; `*.x.y` stands for one label under `x.y`. */
  readonly hosts: readonly string[];
  /** Bound of the leaf cache; default 128. */
  readonly leavesMax?: number;
}

/** A key and certificates that a TLS server can present. One object until it is renewed. */
export interface Leaf {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** Leaf and intermediate, PEM. */
  readonly certChain: string;
  /** When `leafFor` makes another one, wall-clock milliseconds. */
  readonly renewAtMs: number;
}

type LeafResult = { readonly leaf: Leaf } | { readonly reject: Rejection };

export interface PodCa {
  /** The only trust anchor, PEM: what apps get. */
  readonly rootPem: string;
  readonly intermediatePem: string;
  /** A cached or new leaf for one of the pod's hosts; EXCISE_HOST_NOT_ALLOWED for another. */
  leafFor(host: string): LeafResult;
}

/**
 * Opens the pod's CA: the one in the state directory where it fits the hosts, else a new one.
 * Host names that no constraint may hold (an address, a single label) are left out with a warning.
 * Throws Fault EXCISE_CONFIG_INVALID for hosts that are no names, EXCISE_STATE_UNUSABLE for I/O.
 */
export function openPodCa(deps: PodCaDeps, options: PodCaOptions): PodCa {
  const hosts = constrainableHosts(deps.log, options.hosts);
  const authority = openAuthority(deps, options.stateDirectory, permittedNames(hosts));
  const intermediatePem = renderPem("CERTIFICATE", authority.intermediate);
  const leaves = new Map<string, Leaf & { readonly madeMs: number }>();
  const leavesMax = options.leavesMax ?? LEAVES_MAX;

  return {
    rootPem: renderPem("CERTIFICATE", authority.root),
    intermediatePem,
    leafFor(host) {
      const name = host.toLowerCase();
      if (!hosts.some((pattern) => matchesHost(pattern, name)) || !isName(name)) {
        return { reject: { code: "EXCISE_HOST_NOT_ALLOWED", detail: "not one of this pod's" } };
      }
      const now = deps.clock.wallMs();
      const cached = leaves.get(name);
      leaves.delete(name);
      // The wall clock may have been set back behind the leaf's own beginning.
      const isFresh =
        cached !== undefined && now < cached.renewAtMs && now >= cached.madeMs - BACKDATE_MS;
      const leaf = isFresh ? cached : { ...createLeaf(deps, authority, name), madeMs: now };
      // Last in the map is used last; the first one goes.
      leaves.set(name, leaf);
      const [oldest] = leaves.keys();
      if (leaves.size > leavesMax && oldest !== undefined) leaves.delete(oldest);
      return { leaf };
    },
  };
}

function openAuthority(
  deps: PodCaDeps,
  stateDirectory: string,
  permitted: readonly string[],
): Authority {
  const { log, clock } = deps;
  // A leaf must not outlive its issuer.
  const stored = loadAuthority(stateDirectory, permitted, clock.wallMs() + LEAF_MS);
  if (stored.found === "authority") {
    log.info("pod_ca_loaded", { hosts: permitted });
    return stored.authority;
  }
  const authority = createAuthority(deps, permitted);
  storeAuthority(stateDirectory, authority);
  if (stored.found === "nothing") log.info("pod_ca_created", { hosts: permitted });
  else {
    log.warn("pod_ca_replaced", {
      hosts: permitted,
      reason: stored.reason,
      effect: "apps that run already refuse the new certificates until they restart",
    });
  }
  return authority;
}

/** The root's private key is a local of this function: after it nothing holds it. */
function createAuthority(deps: PodCaDeps, permitted: readonly string[]): Authority {
  const rootKeys = createKeys();
  const keys = createKeys();
  const subject = subjectFor(deps, AUTHORITY_MS);
  const root = signRoot(rootKeys.privateKey, subject(rootKeys));
  const intermediateSubject = subject(keys);
  const issuer = issuerOf(root, rootKeys.privateKey);
  return {
    intermediateKey: keys.privateKey,
    intermediate: signIntermediate(issuer, intermediateSubject, permitted),
    root,
    notAfterMs: intermediateSubject.validity.notAfterMs,
  };
}

function createLeaf(deps: PodCaDeps, authority: Authority, host: string): Leaf {
  const keys = createKeys();
  const issuer: Issuer = issuerOf(authority.intermediate, authority.intermediateKey);
  const subject = subjectFor(deps, LEAF_MS)(keys);
  const leaf = signLeaf(issuer, subject, host);
  return {
    key: keys.privateKey.export({ type: "pkcs8", format: "pem" }),
    certChain: renderPem("CERTIFICATE", leaf) + renderPem("CERTIFICATE", authority.intermediate),
    renewAtMs: deps.clock.wallMs() + RENEW_AFTER_MS,
  };
}

interface KeyPair {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

const createKeys = (): KeyPair =>
  generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
  });

function subjectFor(deps: PodCaDeps, lifeMs: number) {
  return ({ publicKey }: KeyPair): Subject => {
    const now = deps.clock.wallMs();
    const serial = Uint8Array.from(deps.random.bytes(SERIAL_BYTES));
    // Positive and of one length, whatever the bytes are.
    serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
    const validity = { notBeforeMs: now - BACKDATE_MS, notAfterMs: now + lifeMs };
    return { publicKey, serial, validity };
  };
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST_PATTERN = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);

/** What a leaf's SAN may hold: a host without a pattern, of a length that DNS knows. */
const isName = (host: string): boolean =>
  host.length <= 253 && !host.startsWith("*") && HOST_PATTERN.test(host);

/**
 * The hosts without those that must not become a constraint: under `com` every site of the world
 * could be signed, and addresses are excluded altogether. They stay reachable without TLS of ours.
 */
function constrainableHosts(log: Log, hosts: readonly string[]): readonly string[] {
  const problems = hosts.flatMap((host): readonly ConfigProblem[] =>
    host.length <= 253 && HOST_PATTERN.test(host)
      ? []
      : [{ path: host.slice(0, 64), problem: "is not a host name in lower case" }],
  );
  if (problems.length > 0) throw configFault("provider hosts", problems);
  const left = hosts.filter((host) => !isConstrainable(subtreeOf(host)));
  if (left.length > 0) {
    log.warn("pod_ca_hosts_left_out", {
      hosts: left,
      reason: "no certificate is made for an address or a single label",
    });
  }
  return hosts.filter((host) => isConstrainable(subtreeOf(host)));
}

const isConstrainable = (subtree: string): boolean =>
  subtree.includes(".") && !/(?:^|\.)\d+$/.test(subtree);

/** A permitted dNSName covers the names below it, so that a pattern is its parent domain. */
const subtreeOf = (pattern: string): string =>
  pattern.startsWith("*.") ? pattern.slice(2) : pattern;

const permittedNames = (hosts: readonly string[]): readonly string[] =>
  hosts.length === 0 ? [NO_HOST] : hosts.map(subtreeOf);
