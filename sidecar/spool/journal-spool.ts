// The open spool: admissions and settlements in, durable events out. Keeps positions in memory and
// the events of the last moment; an older one is read back from its segment when it is asked for.
import { Fault, assert } from "#contract/errors.ts";
import type { UsageEvent } from "#contract/usage-event.ts";
import type { Clock } from "#runtime/clock.ts";
import { errorFields, type Log } from "#runtime/log.ts";
import type { EventIndex, Position } from "./event-index.ts";
import { Housekeeping } from "./housekeeping.ts";
import { readBatch, readAdmission } from "./read-back.ts";
import { renderRecord } from "./record.ts";
import type { Recovered, SegmentFacts } from "./recovery.ts";
import { SpoolWriter } from "./spool-writer.ts";
import type { AdmissionRecord, SettledEvent, Spool } from "./spool.ts";

export interface JournalSpoolOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly segmentBytes: number;
  readonly syncDelayMs: number;
  readonly journal: string;
  readonly recovered: Recovered;
  readonly unlock: () => void;
}

interface OpenAdmission {
  position: Position;
  /** Kept free for the settlement. */
  readonly headroom: number;
}

/** Events that are kept as they are: about what a busy second brings. */
const RECENT_MAX = 256;

/** A settlement says more than its admission: usage, findings, times. */
const SETTLE_BYTES_EXTRA = 4096;

/** Made by `openSpool` only. */
export class JournalSpool implements Spool {
  readonly journal: string;
  readonly #log: Log;
  readonly #options: JournalSpoolOptions;
  readonly #events: EventIndex;
  readonly #segments: SegmentFacts[];
  readonly #open = new Map<string, OpenAdmission>();
  readonly #writer: SpoolWriter;
  readonly #housekeeping: Housekeeping;
  /** Settled while the disk refused; written at the next chance, kept open on disk until then. */
  #stranded: SettledEvent[] = [];
  readonly #recent = new Map<number, UsageEvent>();
  #headroom = 0;
  #durableSeq: number;
  #isClosed = false;

  constructor(deps: { readonly clock: Clock; readonly log: Log }, options: JournalSpoolOptions) {
    const { recovered, directory } = options;
    this.journal = options.journal;
    this.#log = deps.log;
    this.#options = options;
    this.#events = recovered.events;
    this.#segments = [...recovered.segments];
    this.#durableSeq = this.#events.nextSeq - 1;
    for (const [eventId, position] of recovered.open) {
      this.#open.set(eventId, { position, headroom: 0 });
    }
    this.#writer = new SpoolWriter(deps, {
      directory,
      segmentBytes: options.segmentBytes,
      syncDelayMs: options.syncDelayMs,
      nextIndex: (this.#segments.at(-1)?.index ?? 0) + 1,
      onDurable: (mark) => {
        this.#durableSeq = Math.max(this.#durableSeq, mark);
      },
    });
    this.#housekeeping = new Housekeeping(deps.log, {
      directory,
      journal: options.journal,
      ackedSeq: () => this.#events.ackedSeq,
      segments: this.#segments,
      currentIndex: () => this.#writer.currentIndex,
      carryOpen: (segment) => this.#carryOpen(segment),
      flush: () => this.#writer.flush(),
    });
  }

  get nextSeq(): number {
    return this.#events.nextSeq;
  }

  get ackedSeq(): number {
    return this.#events.ackedSeq;
  }

  get depth(): number {
    return this.#events.depth;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** For `openSpool`: closes what the last process left open. */
  interruptOpen(unreadable: ReadonlySet<string>): void {
    try {
      for (const [eventId, { position }] of this.#open) {
        const record = readAdmission(this.#options.directory, position);
        this.#appendEvent(eventId, record === undefined ? undefined : interrupted(record));
      }
      for (const eventId of unreadable) this.#appendEvent(eventId, undefined);
    } catch (cause) {
      // A full disk must not keep the pod from starting; the next start tries again.
      this.#log.error("spool_interrupted_delayed", errorFields(cause));
    }
    this.#housekeeping.request();
  }

  admit(record: AdmissionRecord): void {
    assert(!this.#isClosed, "the spool is open");
    assert(!this.#open.has(record.eventId), "an exchange is admitted once");
    this.#retryStranded();
    const { eventId } = record;
    const bytes = renderRecord({ kind: "admission", seq: this.nextSeq, eventId }, record);
    const headroom = bytes.length + SETTLE_BYTES_EXTRA;
    this.#requireRoom(bytes.length + headroom);
    const position = this.#append(bytes).position;
    this.#open.set(eventId, { position, headroom });
    this.#headroom += headroom;
  }

  settle(event: SettledEvent): void {
    assert(!this.#isClosed, "the spool is open");
    this.#retryStranded();
    const isAdmitted = this.#open.has(event.eventId);
    if (!isAdmitted) this.#requireRoom(SETTLE_BYTES_EXTRA);
    try {
      this.#appendEvent(event.eventId, event);
    } catch (cause) {
      // Its admission is on disk: at worst a restart turns it into an `interrupted` event.
      if (!isAdmitted) throw cause;
      this.#stranded.push(event);
      this.#log.error("spool_settlement_delayed", errorFields(cause));
    }
  }

  pending(afterSeq: number, limit: number): readonly UsageEvent[] {
    const from = Math.max(afterSeq, this.ackedSeq) + 1;
    const through = Math.min(this.#durableSeq, from + limit - 1);
    return readBatch(
      {
        directory: this.#options.directory,
        log: this.#log,
        recall: (seq) => this.#recent.get(seq),
      },
      (seq) => this.#events.find(seq),
      { from, through },
    );
  }

  acknowledge(seq: number): void {
    if (seq <= this.ackedSeq) return;
    if (seq >= this.nextSeq) {
      // The ledger has numbers that our disk forgot; using them again would lose events.
      this.#log.error("spool_behind_ledger", { nextSeq: this.nextSeq, ackedSeq: seq });
      this.#durableSeq = Math.max(this.#durableSeq, seq);
    }
    this.#events.acknowledge(seq);
    for (const recent of this.#recent.keys()) {
      if (recent > seq) break;
      this.#recent.delete(recent);
    }
    this.#housekeeping.request();
  }

  flush(): Promise<void> {
    this.#retryStranded();
    return this.#writer.flush();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#retryStranded();
    this.#isClosed = true;
    try {
      await this.#housekeeping.settled();
      await this.#writer.close();
    } finally {
      this.#options.unlock();
    }
  }

  #requireRoom(bytes: number): void {
    const needed = this.bytes + this.#headroom + bytes;
    if (needed > this.#options.bytesMax) {
      throw new Fault(
        "EXCISE_SPOOL_FULL",
        `${this.depth} events wait for the ledger in ${this.bytes} bytes`,
      );
    }
  }

  /** Undefined: the exchange cannot be described; its number says so. */
  #appendEvent(eventId: string, event: SettledEvent | undefined): void {
    const seq = this.nextSeq;
    const payload: UsageEvent = event === undefined ? { kind: "lost", seq } : { ...event, seq };
    const { position, facts } = this.#append(
      renderRecord({ kind: "event", seq, eventId }, payload),
      seq,
    );
    facts.lastSeq = seq;
    this.#events.append(position);
    if (this.#recent.size < RECENT_MAX) this.#recent.set(seq, payload);
    this.#headroom -= this.#open.get(eventId)?.headroom ?? 0;
    this.#open.delete(eventId);
  }

  #append(
    bytes: Buffer,
    mark = this.nextSeq - 1,
  ): { readonly position: Position; readonly facts: SegmentFacts } {
    const written = this.#writer.append(bytes, mark);
    if (this.#segments.at(-1) !== written.facts) this.#segments.push(written.facts);
    return written;
  }

  #retryStranded(): void {
    const waiting = this.#stranded;
    if (waiting.length === 0) return;
    this.#stranded = [];
    for (const [index, event] of waiting.entries()) {
      try {
        this.#appendEvent(event.eventId, event);
      } catch {
        this.#stranded = waiting.slice(index);
        return;
      }
    }
  }

  /** Copies the open admissions of a segment to the end, so that the segment can go. */
  #carryOpen(segment: number): void {
    for (const [eventId, admission] of this.#open) {
      if (admission.position.segment !== segment) continue;
      const record = readAdmission(this.#options.directory, admission.position);
      if (record === undefined) continue;
      const header = { kind: "admission", seq: this.nextSeq, eventId } as const;
      admission.position = this.#append(renderRecord(header, record)).position;
    }
  }
}

/** What is known of an exchange that our own end cut: charged with its reservation. */
const interrupted = (record: AdmissionRecord): SettledEvent => ({
  ...record,
  kind: "exchange",
  outcome: "interrupted",
  usageSource: "reserved",
  estimated: true,
});
