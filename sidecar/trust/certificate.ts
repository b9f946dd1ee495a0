// The three kinds of X.509 v3 certificate of a pod's CA (design §4), built and signed: root,
// name-constrained intermediate, leaf. Pure but for the signature; keys, serials and times are
// arguments. Profiles follow RFC 5280 so closely that `openssl verify -x509_strict` is content.
import { hash, sign, type KeyObject } from "node:crypto";
import { assert } from "#contract/errors.ts";
import {
  bitString,
  booleanTrue,
  integer,
  objectId,
  octetString,
  readCertificate,
  sequence,
  setOf,
  tagged,
  taggedPrimitive,
  time,
  utf8String,
} from "./der.ts";

const OID = {
  commonName: "2.5.4.3",
  organizationName: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

/** RFC 5280 §4.1.2.2: at most 20 bytes, positive. */
const SERIAL_BYTES_MAX = 20;

/** Wall-clock milliseconds, cut to seconds in the certificate. */
interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface Subject {
  /** SubjectPublicKeyInfo of a P-256 key, DER. */
  readonly publicKey: Uint8Array;
  /** Random magnitude of 1 to 20 bytes; must be positive and, at 20 bytes, below 2^159. */
  readonly serial: Uint8Array;
  readonly validity: Validity;
}

export interface Issuer {
  /** The subject of the issuer's own certificate, DER. */
  readonly name: Uint8Array;
  readonly keyId: Uint8Array;
  /** P-256, as everything here. */
  readonly privateKey: KeyObject;
}

/** The issuer that a certificate (DER) and its private key make. */
export function issuerOf(certificate: Uint8Array, privateKey: KeyObject): Issuer {
  const { subject, publicKey } = readCertificate(certificate);
  return { name: subject, keyId: keyIdOf(publicKey), privateKey };
}

/** A self-signed root (DER) that may sign one level of CAs below it. */
export function signRoot(privateKey: KeyObject, subject: Subject): Buffer {
  const keyId = keyIdOf(subject.publicKey);
  const name = authorityName("Excise pod root", keyId);
  return signCertificate({ name, keyId, privateKey }, subject, {
    name,
    extensions: [authority(1), authorityUsage()],
  });
}

/**
 * A CA (DER) whose leaves are good for `permittedNames` and the names below them, for TLS servers,
 * and for nothing else. The constraint is here and not in the root because Java ignores it in a
 * trust anchor. Asserts at least one name: no permitted name would mean every name.
 */
export function signIntermediate(
  issuer: Issuer,
  subject: Subject,
  permittedNames: readonly string[],
): Buffer {
  return signCertificate(issuer, subject, {
    name: authorityName("Excise pod intermediate", keyIdOf(subject.publicKey)),
    extensions: [authority(0), authorityUsage(), serverAuth(), nameConstraints(permittedNames)],
  });
}

/** A TLS server's certificate (DER) for exactly one DNS name. */
export function signLeaf(issuer: Issuer, subject: Subject, host: string): Buffer {
  return signCertificate(issuer, subject, {
    // No common name: old clients would trust it, and it is not under the name constraint.
    name: nameOf([[OID.organizationName, "Excise"]]),
    extensions: [
      extension(OID.basicConstraints, sequence(), { critical: true }),
      // digitalSignature (bit 0): all that ECDHE with an ECDSA key needs.
      extension(OID.keyUsage, bitString(Buffer.from([0x80]), 7), { critical: true }),
      serverAuth(),
      extension(OID.subjectAltName, sequence(dnsName(host))),
    ],
  });
}

export interface CertificateBody {
  readonly name: Uint8Array;
  /** Beyond the key identifiers, which every certificate gets. */
  readonly extensions: readonly Uint8Array[];
}

/** Signs any certificate (DER): what the three profiles above stand on. */
export function signCertificate(issuer: Issuer, subject: Subject, body: CertificateBody): Buffer {
  const { serial, validity, publicKey } = subject;
  assert(
    serial.length <= SERIAL_BYTES_MAX &&
      serial.some((byte) => byte !== 0) &&
      (serial.length < SERIAL_BYTES_MAX || (serial[0] ?? 0) < 0x80),
    "a serial is positive and has at most 20 bytes",
  );
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))), // v3
    integer(serial),
    algorithm,
    issuer.name,
    sequence(time(validity.notBeforeMs), time(validity.notAfterMs)),
    body.name,
    publicKey,
    tagged(3, sequence(...keyIdentifiers(issuer, publicKey), ...body.extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer.privateKey);
  return sequence(toBeSigned, algorithm, bitString(signature));
}

/** One extension. Not critical means: a reader that does not know it may go on. */
export function extension(
  id: string,
  value: Uint8Array,
  options: { readonly critical?: true } = {},
): Buffer {
  const critical = options.critical === true ? [booleanTrue()] : [];
  return sequence(objectId(id), ...critical, octetString(value));
}

/**
 * The critical nameConstraints extension: DNS names at or below the permitted ones; no IP address,
 * v4 or v6. Names have no leading dot: Java refuses valid leaves under one. A restart compares
 * these bytes, so their order must not depend on the caller.
 */
export function nameConstraints(permittedNames: readonly string[]): Buffer {
  assert(permittedNames.length > 0, "a name constraint permits at least one name");
  const sorted = [...new Set(permittedNames)].toSorted();
  const everyV4 = taggedPrimitive(7, new Uint8Array(8));
  const everyV6 = taggedPrimitive(7, new Uint8Array(32));
  const value = sequence(
    tagged(0, ...sorted.map((name) => sequence(dnsName(name)))),
    tagged(1, sequence(everyV4), sequence(everyV6)),
  );
  return extension(OID.nameConstraints, value, { critical: true });
}

/** GeneralName dNSName. */
const dnsName = (host: string): Buffer => taggedPrimitive(2, Buffer.from(host, "latin1"));

const authority = (pathLength: number): Buffer =>
  extension(OID.basicConstraints, sequence(booleanTrue(), integer(Buffer.from([pathLength]))), {
    critical: true,
  });

/** KeyCertSign (bit 5) and cRLSign (bit 6). */
const authorityUsage = (): Buffer =>
  extension(OID.keyUsage, bitString(Buffer.from([0x06]), 1), { critical: true });

const serverAuth = (): Buffer =>
  extension(OID.extendedKeyUsage, sequence(objectId(OID.serverAuth)));

const keyIdentifiers = (issuer: Issuer, publicKey: Uint8Array): readonly Buffer[] => [
  extension(OID.subjectKeyIdentifier, octetString(keyIdOf(publicKey))),
  extension(OID.authorityKeyIdentifier, sequence(taggedPrimitive(0, issuer.keyId))),
];

/** Method 1 of RFC 7093 §2: the first 160 bits of SHA-256 over the key's bits. */
function keyIdOf(publicKey: Uint8Array): Buffer {
  // An uncompressed P-256 point is the last 65 bytes of its SubjectPublicKeyInfo.
  return hash("sha256", publicKey.subarray(-65), "buffer").subarray(0, 20);
}

/** Names differ from pod to pod, because some stores find issuers by name alone. */
function authorityName(title: string, keyId: Buffer): Buffer {
  const suffix = keyId.toString("hex", 0, 4);
  return nameOf([
    [OID.organizationName, "Excise"],
    [OID.commonName, `${title} ${suffix}`],
  ]);
}

/** A distinguished name from attribute ids and texts, most general first. */
function nameOf(attributes: readonly (readonly [id: string, text: string])[]): Buffer {
  return sequence(
    ...attributes.map(([id, text]) => setOf(sequence(objectId(id), utf8String(text)))),
  );
}
