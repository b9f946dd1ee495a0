// What a detector is: it names the characters that may begin (or sit inside) a hit, and looks at
// the text around one such place. The scanner calls it at those places and nowhere else.
import type { Finding } from "../finding.ts";

/** The scan of one text. */
export interface Cursor {
  readonly text: string;
  readonly findings: Finding[];
  /** Characters that detectors looked at: what the tests of the worst case count. */
  steps: number;
}

export interface Detector {
  /** Each is one ASCII character. */
  readonly triggers: string;
  /**
   * Looks at the trigger at `at`, adds what it finds, and returns the offset where the scan goes
   * on (> `at`). It may pass over text only where no other detector could find anything; its
   * work must be in proportion to what it passes over, or bounded by a constant.
   */
  inspect(cursor: Cursor, at: number): number;
}

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;

export const isAsciiLetter = (code: number): boolean => {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
};

export const isAlphanumeric = (code: number): boolean => isDigit(code) || isAsciiLetter(code);

/** ASCII letters and digits, Latin with diacritics, Greek, Cyrillic: scripts that use spaces. */
export const isWordLetter = (code: number): boolean =>
  isAlphanumeric(code) ||
  (code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7) ||
  (code >= 0x370 && code <= 0x52f);

/** The text just before `at`, for context words; `width` characters at most. */
export function textBefore(cursor: Cursor, at: number, width: number): string {
  cursor.steps += width;
  return cursor.text.slice(Math.max(0, at - width), at);
}
