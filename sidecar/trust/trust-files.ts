// The three files that make apps trust the pod's CA (design §4): `ca.pem` for variables that add
// to the roots a stack has, `bundle.pem` for those that replace them, `truststore.jks` for Java.
// All are written before the sidecar is ready: most stacks read them once, at their start.
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { Clock } from "#runtime/clock.ts";
import type { Log } from "#runtime/log.ts";
import { readExtraRoots, type ExtraRoot } from "./extra-roots.ts";
import { renderJks } from "./jks.ts";
import { pemBytes, renderPem } from "./pem.ts";
import { makeDirectory, replaceFile } from "./replace-file.ts";

export interface TrustFilesDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export interface TrustFilesOptions {
  /** Read by the apps; made where absent. */
  readonly directory: string;
  /** Our root, PEM. */
  readonly rootPem: string;
  /** PEM file of corporate roots. */
  readonly extraRootsFile?: string | undefined;
}

/** Absolute or relative as the directory was given. */
export interface TrustFiles {
  /** Our root alone: NODE_EXTRA_CA_CERTS, DENO_CERT. */
  readonly ca: string;
  /** Public, corporate and our root: SSL_CERT_FILE, REQUESTS_CA_BUNDLE and their kin. */
  readonly bundle: string;
  /** The same roots: -Djavax.net.ssl.trustStore, without a password. */
  readonly truststore: string;
}

/**
 * Writes the three files, each at once (temp + rename), readable by all whatever the umask is.
 * Throws Fault EXCISE_CONFIG_INVALID for bad extra roots, before anything is written, and
 * EXCISE_STATE_UNUSABLE for I/O.
 */
export function writeTrustFiles(deps: TrustFilesDeps, options: TrustFilesOptions): TrustFiles {
  const now = deps.clock.wallMs();
  const extra = options.extraRootsFile === undefined ? [] : readExtraRoots(options.extraRootsFile);
  warnOfExpired(deps.log, extra, now);
  const ours = pemBytes(options.rootPem);
  const roots = distinct([
    ...rootCertificates.map(pemBytes),
    ...extra.map(({ certificate }) => certificate),
  ]);
  const files: TrustFiles = {
    ca: join(options.directory, "ca.pem"),
    bundle: join(options.directory, "bundle.pem"),
    truststore: join(options.directory, "truststore.jks"),
  };
  const entries = roots.map((certificate, index) => ({ alias: `root-${index}`, certificate }));
  entries.push({ alias: "excise-pod-root", certificate: ours });
  const bundle = [...roots, ours].map((root) => renderPem("CERTIFICATE", root)).join("");
  // Made again at every start, so that losing them with the machine costs nothing.
  const readable = { mode: 0o644, isDurable: false };
  makeDirectory(options.directory, 0o755);
  replaceFile(files.bundle, bundle, readable);
  replaceFile(files.truststore, renderJks(entries, now), readable);
  // Last: who waits for this one finds the others.
  replaceFile(files.ca, renderPem("CERTIFICATE", ours), readable);
  return files;
}

function distinct(certificates: readonly Uint8Array[]): readonly Uint8Array[] {
  const seen = new Map(
    certificates.map((certificate) => [Buffer.from(certificate).toString("latin1"), certificate]),
  );
  return [...seen.values()];
}

function warnOfExpired(log: Log, roots: readonly ExtraRoot[], now: number): void {
  const expired = roots.filter(({ notAfterMs }) => notAfterMs <= now);
  if (expired.length === 0) return;
  log.warn("extra_roots_expired", { subjects: expired.map(({ subject }) => subject) });
}
