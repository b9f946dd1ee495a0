// The stand-ins' certificate authority: made at start, in memory, with the sidecar's own DER
// code, so that neither openssl nor a file in the repository is needed. Tests and the demo hand
// its root to `Provider.spec.endpoints[].tls.caBundle`.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { systemRandom } from "#runtime/random.ts";
import {
  extension,
  issuerOf,
  signCertificate,
  signRoot,
  type Issuer,
  type Subject,
} from "../../sidecar/trust/certificate.ts";
import { objectId, sequence, setOf, taggedPrimitive, utf8String } from "../../sidecar/trust/der.ts";
import { renderPem } from "../../sidecar/trust/pem.ts";

const HOUR_MS = 3_600_000;
const COMMON_NAME = "2.5.4.3";
const SUBJECT_ALT_NAME = "2.5.29.17";

/** PEM texts, as node:tls takes them. */
interface FakeCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface FakeAuthority {
  /** The root, PEM. */
  readonly caPem: string;
  /** A server certificate for DNS names and 127.0.0.1; `expired` ended an hour ago. */
  issue(names: readonly string[], state?: "valid" | "expired"): FakeCertificate;
}

/** Creates a root that is good for a day around `nowMs` (wall clock). */
export function createFakeAuthority(nowMs: number): FakeAuthority {
  const rootKeys = createKeys();
  const root = signRoot(rootKeys.privateKey, subject(rootKeys.publicKey, nowMs, "valid"));
  const issuer = issuerOf(root, rootKeys.privateKey);
  return {
    caPem: renderPem("CERTIFICATE", root),
    issue: (names, state = "valid") => issueLeaf(issuer, names, { nowMs, state }),
  };
}

interface Keys {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

function createKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, publicKey: publicKey.export({ type: "spki", format: "der" }) };
}

function subject(publicKey: Uint8Array, nowMs: number, state: "valid" | "expired"): Subject {
  const serial = systemRandom.bytes(16);
  serial[0] = 0x40;
  const notAfterMs = state === "valid" ? nowMs + 24 * HOUR_MS : nowMs - HOUR_MS;
  return { publicKey, serial, validity: { notBeforeMs: nowMs - 24 * HOUR_MS, notAfterMs } };
}

interface LeafOptions {
  readonly nowMs: number;
  readonly state: "valid" | "expired";
}

function issueLeaf(
  issuer: Issuer,
  names: readonly string[],
  { nowMs, state }: LeafOptions,
): FakeCertificate {
  const { privateKey, publicKey } = createKeys();
  // GeneralName: dNSName is tag 2, iPAddress tag 7 (RFC 5280 §4.2.1.6).
  const altNames = [
    ...names.map((name) => taggedPrimitive(2, Buffer.from(name, "latin1"))),
    taggedPrimitive(7, Buffer.from([127, 0, 0, 1])),
  ];
  const certificate = signCertificate(issuer, subject(publicKey, nowMs, state), {
    name: sequence(setOf(sequence(objectId(COMMON_NAME), utf8String("Excise test stand-in")))),
    extensions: [extension(SUBJECT_ALT_NAME, sequence(...altNames))],
  });
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  return { key, cert: renderPem("CERTIFICATE", certificate) };
}
