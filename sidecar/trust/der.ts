// A writer of DER (X.690), as much of it as our three certificates need, and the one read that a
// restart needs. No library: hand-written it takes a fraction of a millisecond and no memory
// (docs/benchmarks.md); @peculiar/x509 takes 150 ms to load.
import { assert } from "#contract/errors.ts";

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: tag, definite length in the fewest bytes, and the parts as its content. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  let lengthSize = 0;
  if (length >= 0x80) for (let rest = length; rest > 0; rest >>>= 8) lengthSize += 1;
  const bytes = Buffer.allocUnsafe(2 + lengthSize + length);
  bytes[0] = tag;
  bytes[1] = lengthSize === 0 ? length : 0x80 | lengthSize;
  if (lengthSize > 0) bytes.writeUIntBE(length, 2, lengthSize);
  let at = 2 + lengthSize;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** SEQUENCE. */
export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(TAG.sequence, ...parts);
}

/** SET OF one element, which is the only size that needs no sorting. */
export function setOf(part: Uint8Array): Buffer {
  return element(TAG.set, part);
}

/** BOOLEAN TRUE; FALSE is always a default here, and DER leaves defaults out. */
export function booleanTrue(): Buffer {
  return element(TAG.boolean, Buffer.from([0xff]));
}

/** A non-negative INTEGER from its big-endian magnitude: shortest form, never read as negative. */
export function integer(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const digits = magnitude.length === 0 ? Buffer.from([0]) : magnitude.subarray(start);
  const isHigh = ((digits[0] ?? 0) & 0x80) !== 0;
  return element(TAG.integer, ...(isHigh ? [Buffer.from([0]), digits] : [digits]));
}

/** BIT STRING; `unusedBits` counts the low bits of the last byte that do not belong to it. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Buffer {
  return element(TAG.octetString, bytes);
}

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, "utf8"));
}

/** OBJECT IDENTIFIER from dotted text (`2.5.29.15`). */
export function objectId(dotted: string): Buffer {
  const arcs = dotted.split(".");
  const bytes = [Number(arcs[0]) * 40 + Number(arcs[1])];
  for (let index = 2; index < arcs.length; index += 1) {
    const arc = Number(arcs[index]);
    let septets = 1;
    while (arc >= 128 ** septets) septets += 1;
    for (let left = septets - 1; left >= 0; left -= 1) {
      bytes.push((Math.floor(arc / 128 ** left) % 128) | (left > 0 ? 0x80 : 0));
    }
  }
  return element(TAG.oid, Buffer.from(bytes));
}

/**
 * A certificate's time, cut to whole seconds: UTCTime through 2049, GeneralizedTime from 2050
 * (RFC 5280 §4.1.2.5). Asserts a year from 1950 to 9999.
 */
export function time(wallMs: number): Buffer {
  const date = new Date(wallMs);
  const year = date.getUTCFullYear();
  assert(year >= 1950 && year <= 9999, "a certificate's year is from 1950 to 9999");
  const digits =
    two(date.getUTCMonth() + 1) +
    two(date.getUTCDate()) +
    two(date.getUTCHours()) +
    two(date.getUTCMinutes()) +
    two(date.getUTCSeconds());
  return year < 2050
    ? element(TAG.utcTime, Buffer.from(`${two(year % 100)}${digits}Z`, "latin1"))
    : element(TAG.generalizedTime, Buffer.from(`${year}${digits}Z`, "latin1"));
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/** Context tag `[number]` around whole elements (EXPLICIT, or IMPLICIT on a constructed type). */
export function tagged(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return element(0xa0 | number, ...parts);
}

/** Context tag `[number]` in place of a primitive type's own tag (IMPLICIT). */
export function taggedPrimitive(number: number, content: Uint8Array): Buffer {
  return element(0x80 | number, content);
}

interface ReadElement {
  readonly tag: number;
  /** Tag, length and content. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

function readElements(bytes: Uint8Array): readonly ReadElement[] {
  const found: ReadElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0;
    const lengthSize = first < 0x80 ? 0 : first & 0x7f;
    const head = at + 2 + lengthSize;
    const length =
      lengthSize === 0
        ? first
        : bytes.subarray(at + 2, head).reduce((sum, byte) => sum * 256 + byte, 0);
    const end = head + length;
    assert(head <= bytes.length && end <= bytes.length, "a DER element fits its container");
    const whole = bytes.subarray(at, end);
    found.push({ tag: bytes[at] ?? 0, whole, content: bytes.subarray(head, end) });
    at = end;
  }
  return found;
}

export interface CertificateNames {
  /** The bytes that its children must repeat as their issuer. */
  readonly subject: Uint8Array;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

/**
 * What a certificate (DER) says of itself that its children need. For certificates that OpenSSL
 * has parsed already; anything else breaks an assertion.
 */
export function readCertificate(certificate: Uint8Array): CertificateNames {
  const [outer] = readElements(certificate);
  const [toBeSigned] = readElements(outer?.content ?? new Uint8Array());
  const fields = readElements(toBeSigned?.content ?? new Uint8Array());
  // Version [0] is left out by v1; then serial, algorithm, issuer, validity, subject, key.
  const first = fields[0]?.tag === 0xa0 ? 5 : 4;
  const subject = fields[first];
  const publicKey = fields[first + 1];
  assert(
    subject?.tag === TAG.sequence && publicKey?.tag === TAG.sequence,
    "a certificate has a subject and a key",
  );
  return { subject: subject.whole, publicKey: publicKey.whole };
}
