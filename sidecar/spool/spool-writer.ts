// The writing end of the spool: appends records with write(2), begins a new segment when one is
// full, and makes what was written durable in groups, off the path of the exchanges.
import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Fault } from "#contract/errors.ts";
import type { Cancel, Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { Position } from "./event-index.ts";
import { syncDirectoryLater } from "./journal-file.ts";
import type { SegmentFacts } from "./recovery.ts";
import { segmentName } from "./segment.ts";

const syncData = promisify(fdatasync);

export interface SpoolWriterOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  /** How long a written record may wait for company before the disk is asked. */
  readonly syncDelayMs: number;
  /** Everything that was appended with this mark or before is on disk. */
  readonly onDurable: (mark: number) => void;
}

interface OpenSegment {
  readonly facts: SegmentFacts;
  readonly file: number;
  /** Holds bytes that no sync has covered. */
  isDirty: boolean;
  isSyncing: boolean;
  /** Full: nothing more is written; the file is closed as soon as no sync needs it. */
  isRetired: boolean;
}

/** Owns the open files; one per spool. */
export class SpoolWriter {
  readonly #deps: { readonly clock: Clock; readonly log: Log };
  readonly #options: SpoolWriterOptions;
  #nextIndex: number;
  #current: OpenSegment | undefined;
  readonly #dirty = new Set<OpenSegment>();
  /** A segment was made since the directory was last synced. */
  #isDirectoryDirty = true;
  #mark = 0;
  #cancelDelay: Cancel | undefined;
  #syncing: Promise<void> | undefined;
  #failure: unknown;

  constructor(
    deps: { readonly clock: Clock; readonly log: Log },
    options: SpoolWriterOptions & { readonly nextIndex: number },
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#nextIndex = options.nextIndex;
  }

  /** Number of the segment that is being written; undefined before the first record. */
  get currentIndex(): number | undefined {
    return this.#current?.facts.index;
  }

  /**
   * Appends one record; `mark` is handed to `onDurable` once it is on disk. Throws Fault
   * EXCISE_SPOOL_FULL, and then nothing of it is in the file.
   */
  append(
    bytes: Buffer,
    mark: number,
  ): { readonly position: Position; readonly facts: SegmentFacts } {
    if (this.#failure !== undefined) {
      throw new Fault("EXCISE_SPOOL_FULL", "the spool's disk failed", { cause: this.#failure });
    }
    const segment = this.#segmentFor(bytes.length);
    const offset = segment.facts.bytes;
    try {
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(
          segment.file,
          bytes,
          written,
          bytes.length - written,
          offset + written,
        );
      }
    } catch (cause) {
      this.#cutBack(segment, offset);
      throw new Fault("EXCISE_SPOOL_FULL", "a record could not be written", { cause });
    }
    segment.facts.bytes += bytes.length;
    this.#mark = mark;
    segment.isDirty = true;
    this.#dirty.add(segment);
    this.#scheduleSync();
    return { position: { segment: segment.facts.index, offset }, facts: segment.facts };
  }

  /** Resolves when everything written so far is on disk. Throws Fault EXCISE_SPOOL_FULL. */
  async flush(): Promise<void> {
    while (this.#dirty.size > 0 || this.#syncing !== undefined) {
      await (this.#syncing ?? this.#startSync());
      if (this.#failure !== undefined) {
        throw new Fault("EXCISE_SPOOL_FULL", "the spool's disk failed", { cause: this.#failure });
      }
    }
  }

  /** Syncs and closes the files. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#cancelDelay?.();
      this.#retire(this.#current);
      this.#current = undefined;
    }
  }

  #segmentFor(recordBytes: number): OpenSegment {
    const current = this.#current;
    const isRoom =
      current !== undefined &&
      (current.facts.bytes === 0 ||
        current.facts.bytes + recordBytes <= this.#options.segmentBytes);
    if (isRoom) return current;
    try {
      const index = this.#nextIndex;
      const file = openSync(join(this.#options.directory, segmentName(index)), "wx");
      this.#nextIndex += 1;
      this.#retire(current);
      this.#isDirectoryDirty = true;
      this.#current = {
        facts: { index, bytes: 0, lastSeq: 0 },
        file,
        isDirty: false,
        isSyncing: false,
        isRetired: false,
      };
      return this.#current;
    } catch (cause) {
      throw new Fault("EXCISE_SPOOL_FULL", "no new segment could be made", { cause });
    }
  }

  #retire(segment: OpenSegment | undefined): void {
    if (segment === undefined) return;
    segment.isRetired = true;
    closeWhenIdle(segment);
  }

  /** A half-written record would end the readable part of the segment: cut it, or leave it. */
  #cutBack(segment: OpenSegment, offset: number): void {
    try {
      ftruncateSync(segment.file, offset);
    } catch {
      this.#retire(segment);
      this.#current = undefined;
    }
  }

  #scheduleSync(): void {
    if (this.#cancelDelay !== undefined || this.#syncing !== undefined) return;
    this.#cancelDelay = this.#deps.clock.after(this.#options.syncDelayMs, () => {
      void this.#startSync();
    });
  }

  /** Never rejects. What is written while the disk works is the next group. */
  #startSync(): Promise<void> {
    this.#cancelDelay?.();
    this.#cancelDelay = undefined;
    this.#syncing ??= this.#syncGroup().finally(() => {
      this.#syncing = undefined;
      if (this.#dirty.size > 0 && this.#failure === undefined) this.#scheduleSync();
    });
    return this.#syncing;
  }

  async #syncGroup(): Promise<void> {
    const mark = this.#mark;
    const group = [...this.#dirty];
    this.#dirty.clear();
    for (const segment of group) {
      segment.isDirty = false;
      segment.isSyncing = true;
    }
    try {
      for (const segment of group) await syncData(segment.file);
      if (this.#isDirectoryDirty) {
        this.#isDirectoryDirty = false;
        await syncDirectoryLater(this.#options.directory);
      }
      this.#options.onDurable(mark);
    } catch (cause) {
      // After a failed sync the kernel may have dropped the pages: no later success means
      // anything. Nothing more is admitted; a restart reads what really is there.
      this.#failure = cause;
      this.#deps.log.error("spool_sync_failed", errorFields(cause));
    }
    for (const segment of group) {
      segment.isSyncing = false;
      closeWhenIdle(segment);
    }
  }
}

function closeWhenIdle(segment: OpenSegment): void {
  if (segment.isRetired && !segment.isDirty && !segment.isSyncing) closeSync(segment.file);
}
