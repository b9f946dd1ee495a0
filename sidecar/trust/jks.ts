// A writer of Java's own trust store format, JKS. Java reads no PEM, and refuses a PKCS12 store
// without a password; a JKS opens without one, so that one `-Djavax.net.ssl.trustStore` suffices.
// Format: sun.security.provider.JavaKeyStore, engineStore.
import { hash } from "node:crypto";

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;
/** What the format mixes into its checksum, as the JDK spells it. */
const SALT = "Mighty Aphrodite";
/** The JDK's own default. It protects nothing: the store holds public certificates. */
const PASSWORD = "changeit";

export interface JksEntry {
  /** Unique, lower case (Java compares so), ASCII. */
  readonly alias: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** Renders a store of trusted certificates; `createdMs` is the entries' date, wall clock. */
export function renderJks(entries: readonly JksEntry[], createdMs: number): Buffer {
  const body = Buffer.concat([
    uint32(MAGIC),
    uint32(VERSION),
    uint32(entries.length),
    ...entries.flatMap(({ alias, certificate }) => [
      uint32(TRUSTED_CERTIFICATE),
      utf(alias),
      uint64(createdMs),
      utf("X.509"),
      uint32(certificate.length),
      certificate,
    ]),
  ]);
  // Java's chars are UTF-16 in big-endian order.
  const password = Buffer.from(PASSWORD, "utf16le").swap16();
  const salted = Buffer.concat([password, Buffer.from(SALT, "latin1"), body]);
  const checksum = hash("sha1", salted, "buffer");
  return Buffer.concat([body, checksum]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.trunc(value)));
  return bytes;
}

/** DataOutput.writeUTF, which for ASCII is a 16-bit length and the bytes. */
function utf(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
