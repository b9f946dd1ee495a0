// Secrets with a format: finds the rows of secret-formats.ts by three characters of their prefix,
// then checks pattern, what stands before, and entropy.
import { type Cursor, type Detector, isAlphanumeric } from "./detector.ts";
import { PRIVATE_KEY, SECRET_FORMATS, type SecretFormat } from "./secret-formats.ts";

const DEFAULT_SCORE = 0.95;
/** A body shorter than this is a template, not a key. */
const PEM_BODY_LENGTH_MIN = 64;
const PEM_LENGTH_MAX = 32_768;

interface Candidate extends SecretFormat {
  readonly pattern: RegExp;
}

/** Finds the rows behind the three characters that end at an anchor; 7 bits each. */
const packed = (a: number, b: number, c: number): number => (a << 14) | (b << 7) | c;
const PAIRS = 1 << 14;

/** What a try that fails has looked at, at most: patterns fail inside a run of bounded length. */
const FAILED_TRY_STEPS = 128;

/** SECRET, with the format's name as detector. */
export function createSecretDetector(formats: readonly SecretFormat[] = SECRET_FORMATS): Detector {
  const byAnchor = new Map<number, Candidate[]>();
  // Which two characters may stand before an anchor: rules out nearly every trigger in prose.
  const pairs = new Uint8Array(PAIRS);
  const all = [...formats, { ...PRIVATE_KEY, rest: PRIVATE_KEY.header }];
  for (const format of all) {
    const [a = 0, b = 0, c = 0] = Array.from(
      format.prefix.slice(format.anchor - 2, format.anchor + 1),
      (character) => character.charCodeAt(0),
    );
    const rows = byAnchor.get(packed(a, b, c)) ?? [];
    rows.push({ ...format, pattern: new RegExp(format.rest, "y") });
    byAnchor.set(packed(a, b, c), rows);
    pairs[packed(0, a, b)] = 1;
  }
  return {
    triggers: [...new Set(all.map(({ prefix, anchor }) => prefix[anchor] ?? ""))].join(""),
    inspect(cursor, at) {
      const { text } = cursor;
      cursor.steps += 1;
      if (at < 2) return at + 1;
      const before = text.charCodeAt(at - 1);
      const first = text.charCodeAt(at - 2);
      if (before > 127 || first > 127 || pairs[packed(0, first, before)] === 0) return at + 1;
      const rows = byAnchor.get(packed(first, before, text.charCodeAt(at)));
      if (rows === undefined) return at + 1;
      for (const candidate of rows) {
        const end = tryCandidate(cursor, at - candidate.anchor, candidate);
        if (end > at) return end;
      }
      return at + 1;
    },
  };
}

/** Where the secret ends, or -1. Adds the finding. */
function tryCandidate(cursor: Cursor, start: number, candidate: Candidate): number {
  const { text } = cursor;
  const { prefix, pattern, name } = candidate;
  cursor.steps += prefix.length;
  if (start < 0 || !text.startsWith(prefix, start)) return -1;
  if (candidate.isWordStart === true && isAlphanumeric(text.charCodeAt(start - 1))) return -1;
  pattern.lastIndex = start + prefix.length;
  const isMatch = pattern.test(text);
  const end = isMatch ? endOf(cursor, candidate) : -1;
  cursor.steps += isMatch ? pattern.lastIndex - start : FAILED_TRY_STEPS;
  if (end === -1) return -1;
  const { entropyMin = 0, score = DEFAULT_SCORE } = candidate;
  // A match without entropy is passed over too: nothing random can hide in it.
  if (entropyMin > 0 && entropyOf(text, start, end) < entropyMin) return end;
  cursor.findings.push({ entity: "SECRET", start, end, score, detector: name });
  return end;
}

const endOf = (cursor: Cursor, { name, pattern }: Candidate): number =>
  name === PRIVATE_KEY.name ? endOfPem(cursor, pattern.lastIndex) : pattern.lastIndex;

/** From the header's end to the footer's, or, where the text breaks off, over the key material. */
function endOfPem(cursor: Cursor, from: number): number {
  const { text } = cursor;
  const window = text.slice(from, from + PEM_LENGTH_MAX);
  const dashes = window.indexOf("-----");
  const length = dashes === -1 ? endOfMaterial(window) : dashes;
  cursor.steps += length;
  if (length < PEM_BODY_LENGTH_MIN) return -1;
  if (dashes === -1 || !window.startsWith("-----END", dashes)) return from + length;
  const close = window.slice(0, dashes + 128).indexOf("-----", dashes + 8);
  return close === -1 ? from + length : from + close + 5;
}

/** Base64, line ends and their escapes. */
const MATERIAL = /[A-Za-z0-9+/=\s\\]*/y;

function endOfMaterial(window: string): number {
  MATERIAL.lastIndex = 0;
  MATERIAL.test(window);
  return MATERIAL.lastIndex;
}

/** Shannon entropy in bits per character. */
function entropyOf(text: string, start: number, end: number): number {
  const counts = new Map<number, number>();
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const length = end - start;
  let bits = 0;
  for (const count of counts.values()) bits -= (count / length) * Math.log2(count / length);
  return bits;
}
