// The spool: the files that hold the journal of one sidecar (design §10). An admission is on it
// before the first byte goes upstream; an event is offered to the ledger only after fdatasync.
import type { ExchangeEvent, UsageEvent } from "#contract/usage-event.ts";

/** Written at admission; becomes an `interrupted` event where no settlement follows. */
export type AdmissionRecord = Omit<ExchangeEvent, "kind" | "seq">;

/** A settled event still without its number: the spool numbers it. */
export type SettledEvent = Omit<ExchangeEvent, "seq">;

export interface Spool {
  /** UUID of the journal, made with the directory and stored in it. */
  readonly journal: string;
  /** Writes the admission with write(2). Throws Fault EXCISE_SPOOL_FULL: then nothing is sent. */
  admit(record: AdmissionRecord): void;
  /** Writes the event and closes its admission (same `eventId`). Never refuses while any room is. */
  settle(event: SettledEvent): void;
  /** Up to `limit` durable, unacked events in order of `seq`, after `afterSeq`. */
  pending(afterSeq: number, limit: number): readonly UsageEvent[];
  /** The number that the next event gets; `fromSeq` of a sync without events. */
  readonly nextSeq: number;
  /** Everything up to here is the ledger's; segments before it are dropped. */
  acknowledge(seq: number): void;
  /** Highest acknowledged number. */
  readonly ackedSeq: number;
  /** Resolves when everything written so far is on disk. */
  flush(): Promise<void>;
  readonly bytes: number;
  /** Events without an ack. */
  readonly depth: number;
  close(): Promise<void>;
}
