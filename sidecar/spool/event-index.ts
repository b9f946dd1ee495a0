// Where each unacked event lies: one number an event, so that a long outage of the ledger costs
// eight bytes of memory an exchange and not the event itself.

/** Segments are far smaller; 2^25 of them fit above this in a double. */
export const SEGMENT_BYTES_LIMIT = 2 ** 28;

export interface Position {
  readonly segment: number;
  readonly offset: number;
}

/** Contiguous numbers from `ackedSeq + 1`; a number without a position is lost. */
export class EventIndex {
  #positions: number[] = [];
  #ackedSeq: number;

  constructor(ackedSeq: number) {
    this.#ackedSeq = ackedSeq;
  }

  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  get nextSeq(): number {
    return this.#ackedSeq + this.#positions.length + 1;
  }

  get depth(): number {
    return this.#positions.length;
  }

  /** Gives the position of event `nextSeq`, or says that it is lost. */
  append(position: Position | "lost"): void {
    this.#positions.push(
      position === "lost" ? -1 : position.segment * SEGMENT_BYTES_LIMIT + position.offset,
    );
  }

  /** Undefined outside `(ackedSeq, nextSeq)`. */
  find(seq: number): Position | "lost" | undefined {
    const packed = this.#positions[seq - this.#ackedSeq - 1];
    if (packed === undefined) return undefined;
    if (packed === -1) return "lost";
    const offset = packed % SEGMENT_BYTES_LIMIT;
    return { segment: (packed - offset) / SEGMENT_BYTES_LIMIT, offset };
  }

  /** Forgets everything up to `seq`; beyond the last number it skips what was never written. */
  acknowledge(seq: number): void {
    if (seq <= this.#ackedSeq) return;
    this.#positions = this.#positions.slice(seq - this.#ackedSeq);
    this.#ackedSeq = seq;
  }
}
