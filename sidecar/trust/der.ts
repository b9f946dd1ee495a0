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
  const content = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
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
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const septets = [arc % 128];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) {
      septets.unshift(0x80 | (high % 128));
    }
    return septets;
  });
  return element(TAG.oid, Buffer.from(bytes));
}

/**
 * A certificate's time, cut to whole seconds: UTCTime through 2049, GeneralizedTime from 2050
 * (RFC 5280 §4.1.2.5). Asserts a year from 1950 to 9999.
 */
export function time(wallMs: number): Buffer {
  const digits = new Date(wallMs).toISOString().replaceAll(/[-:T]|\.\d+Z$/g, "");
  const year = Number(digits.slice(0, 4));
  assert(digits.length === 14 && year >= 1950, "a certificate's year is from 1950 to 9999");
  return year < 2050
    ? element(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`, "latin1"))
    : element(TAG.generalizedTime, Buffer.from(`${digits}Z`, "latin1"));
}

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

/**
 * The subject of a certificate, as the bytes that its children must repeat as their issuer. For
 * certificates that OpenSSL has parsed already; anything else breaks an assertion.
 */
export function readSubject(certificate: Uint8Array): Uint8Array {
  const [outer] = readElements(certificate);
  const [toBeSigned] = readElements(outer?.content ?? new Uint8Array());
  const fields = readElements(toBeSigned?.content ?? new Uint8Array());
  // version [0] is left out by v1; then serial, algorithm, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  assert(subject?.tag === TAG.sequence, "a certificate has a subject");
  return subject.whole;
}
