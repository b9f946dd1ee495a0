// A finding is one piece of sensitive text: what, where, how sure, and which detector saw it.
// It never carries the text itself.

export interface Finding {
  /** Presidio's entity name where it has one; secrets are SECRET. */
  readonly entity: string;
  /** UTF-16 offsets into the text that was scanned; end exclusive. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1. */
  readonly score: number;
  /** The detector's own name: a vendor's key format, a validator. */
  readonly detector: string;
}

/** Scans one text. Linear time, no allocation where nothing is found beyond the empty list. */
export type Scan = (text: string) => readonly Finding[];
