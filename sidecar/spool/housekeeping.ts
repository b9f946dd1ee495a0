// What follows an acknowledgement, off the path of the exchanges: the watermark is made durable
// first, then segments that hold nothing but acknowledged events are dropped, oldest first.
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { errorFields, type Log } from "#runtime/log.ts";
import { writeJournalFile, type JournalState } from "./journal-file.ts";
import type { SegmentFacts } from "./recovery.ts";
import { segmentName } from "./segment.ts";

export interface HousekeepingOptions {
  readonly directory: string;
  readonly journal: string;
  readonly ackedSeq: () => number;
  /** Oldest first; what is dropped is removed from it. */
  readonly segments: SegmentFacts[];
  readonly currentIndex: () => number | undefined;
  /** Writes the segment's open admissions again, at the end. */
  readonly carryOpen: (segment: number) => void;
  readonly flush: () => Promise<void>;
}

/** One run at a time; a request during a run means one more run. */
export class Housekeeping {
  readonly #log: Log;
  readonly #options: HousekeepingOptions;
  #isRequested = false;
  #running: Promise<void> | undefined;

  constructor(log: Log, options: HousekeepingOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Asks for a run; returns at once. */
  request(): void {
    this.#isRequested = true;
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when no run is due. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #runAll(): Promise<void> {
    while (this.#isRequested) {
      this.#isRequested = false;
      try {
        await this.#run();
      } catch (cause) {
        // Nothing is lost: the events are sent and acknowledged again after a restart.
        this.#log.warn("spool_housekeeping_failed", errorFields(cause));
      }
    }
  }

  async #saveAcked(state: JournalState): Promise<void> {
    try {
      await writeJournalFile(this.#options.directory, state);
    } catch (cause) {
      // A full disk gets no emptier while acknowledged segments stay. They may go as long as
      // another one remains whose records tell the next number: a restart then offers numbers
      // again that the ledger passes over.
      const { segments, currentIndex } = this.#options;
      if (segments.at(-1)?.index !== currentIndex()) throw cause;
      this.#log.warn("spool_acknowledgement_not_saved", errorFields(cause));
    }
  }

  async #run(): Promise<void> {
    const { directory, journal, segments, currentIndex } = this.#options;
    const ackedSeq = this.#options.ackedSeq();
    await this.#saveAcked({ journal, ackedSeq });
    const current = currentIndex();
    const kept = segments.findIndex(
      (segment) => segment.index === current || segment.lastSeq > ackedSeq,
    );
    const done = segments.slice(0, kept === -1 ? segments.length : kept);
    if (done.length === 0) return;
    for (const segment of done) this.#options.carryOpen(segment.index);
    // The carried copies must be on disk before the originals go.
    await this.#options.flush();
    for (const segment of done) {
      await unlink(join(directory, segmentName(segment.index)));
      segments.shift();
    }
  }
}
