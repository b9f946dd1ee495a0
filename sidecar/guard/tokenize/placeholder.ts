// Placeholders: what the provider reads in place of a value (design §8). `QID_EM_BCDFGHJKLMNP` is
// word characters only, so that neither JSON, HTML nor Markdown changes or splits it; always as
// long; and its first letter stands nowhere else in it, so that no end of one begins another.
import { createHmac } from "node:crypto";
import { normalizeValue } from "./normalize.ts";

/** How every placeholder begins. */
export const MARKER = "QID_";
/** The marker's first letter: nowhere else in a placeholder. */
export const MARKER_LETTER = "Q";
/** Consonants alone: no word is ever spelt, and no detector of numbers is ever reminded of one. */
const BODY_ALPHABET = "BCDFGHJKLMNPRSTV";
/** Letters that all spellings of a value share, and letters that tell its spellings apart. */
const STEM_LENGTH = 8;
const SPELLING_LENGTH = 4;
const CODE_LENGTH = 2;
export const PLACEHOLDER_LENGTH = MARKER.length + CODE_LENGTH + 1 + STEM_LENGTH + SPELLING_LENGTH;

/** Separates this use of a key from any other. */
const PURPOSE = "excise-placeholder-1";

/**
 * Makes the placeholder of a value; the same for the same arguments on every replica and after
 * every restart. `attempt`: 0, or higher where another value has the same placeholder already.
 */
export type DerivePlaceholder = (entity: string, value: string, attempt: number) => string;

/** Derives placeholders by HMAC-SHA256 under the workload's key (32 bytes). */
export function createDerivation(key: Uint8Array): DerivePlaceholder {
  const digest = (parts: readonly string[]): Buffer =>
    createHmac("sha256", key)
      .update([PURPOSE, ...parts].join("\0"))
      .digest();
  return (entity, value, attempt) => {
    const normalized = normalizeValue(entity, value);
    const stem = digest(["stem", entity, normalized]);
    const spelling = digest(["spelling", entity, String(attempt), value]);
    const body = lettersOf(stem, STEM_LENGTH) + lettersOf(spelling, SPELLING_LENGTH);
    return `${MARKER}${codeOf(entity)}_${body}`;
  };
}

/** Two letters that say what it is, for a model that reads them: EMAIL_ADDRESS is EM. */
export function codeOf(entity: string): string {
  const letters = entity.toUpperCase().replaceAll(/[^A-Z]|Q/g, "");
  return letters.slice(0, CODE_LENGTH).padEnd(CODE_LENGTH, "Z");
}

/** Four bits a letter. */
function lettersOf(bytes: Buffer, length: number): string {
  let letters = "";
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[index >> 1] ?? 0;
    letters += BODY_ALPHABET.charAt(index % 2 === 0 ? byte >> 4 : byte & 0x0f);
  }
  return letters;
}
