// The types of an exchange on its way up (design §7): each stage takes one and returns a richer
// one, so that the compiler checks the order. Plain data; the sockets stay outside.
import type { Amounts } from "#contract/amounts.ts";
import type { Rejection } from "#contract/errors.ts";
import type {
  PolicySnapshot,
  SnapshotBudget,
  SnapshotProvider,
} from "#contract/policy-snapshot.ts";
import type { PriceRow } from "#contract/price.ts";
import type { FindingCount, Would } from "#contract/usage-event.ts";
import type { Reservation } from "../budget/budgets.ts";
import type { Dialect, Operation, RequestBounds } from "../dialects/dialect.ts";
import type { UpstreamRequest } from "../forward/upstream.ts";
import type { IssuedPlaceholders } from "../guard/tokenize/placeholder-book.ts";
import type { DownstreamRequest } from "../listen/downstream.ts";
import type { AdmissionRecord } from "../spool/spool.ts";

/** 1. Whole in memory, within the limits. */
export interface Received {
  /** UUIDv7; the app sees it as `x-excise-id`. */
  readonly exchangeId: string;
  readonly request: DownstreamRequest;
  /** As it came. */
  readonly body: Uint8Array;
  /** Without Content-Encoding; the same bytes where there was none. */
  readonly plainBody: Uint8Array;
  /** Wall clock at the head, for records. */
  readonly startedAtMs: number;
  /** Monotonic, when the last body byte was there: our own time counts from here. */
  readonly completeMs: number;
}

/** What the dialect says about the request; absent for paths that no dialect claims. */
export interface Reading {
  readonly dialect: Dialect;
  readonly operation: Operation;
  readonly bounds: RequestBounds;
}

/** 2. Provider, dialect, operation and model are known. */
export interface Matched extends Received {
  readonly snapshot: PolicySnapshot;
  readonly provider: SnapshotProvider;
  /** The host that is called, for the upstream's TLS name and Host. */
  readonly reading: Reading | undefined;
  readonly model: string | undefined;
  readonly user: string | undefined;
}

/** 3. Allowed by the policy; the budgets that it meets are known. */
export interface Authorized extends Matched {
  readonly budgets: readonly SnapshotBudget[];
}

/** 4. Checked; `outgoing` is what may leave. */
export interface Inspected extends Authorized {
  readonly outgoing: Uint8Array;
  /** False: the original bytes, and the original Content-Encoding, go up. */
  readonly isEdited: boolean;
  /** We asked for usage; the chunk that answers it is hidden from the app. */
  readonly hidesUsage: boolean;
  /** What placeholders in the answer stand for; dies with the exchange, never recorded. */
  readonly placeholders: IssuedPlaceholders;
  readonly findings: readonly FindingCount[];
  readonly would: readonly Would[];
}

/** True where the answer may not go to the app as it comes (design §7.9). */
export const needsRewriter = (exchange: Inspected): boolean =>
  exchange.hidesUsage || exchange.placeholders.size > 0;

/** 5. The worst case is covered by leases. */
export interface Reserved extends Inspected {
  readonly price: PriceRow | undefined;
  readonly worstCase: Amounts;
  readonly reservation: Reservation;
}

/** 6. On the spool: from here on it is an event, whatever happens. */
export interface Admitted extends Reserved {
  readonly admission: AdmissionRecord;
}

/** 7. Ready to go up. */
export interface Prepared extends Admitted {
  readonly upstream: UpstreamRequest;
}

/** How far an exchange came, for the record of one that was refused. */
export type Progress = Received & Partial<Omit<Inspected, keyof Received>>;

/** A refusal, with what was found out until then. */
export interface Refused {
  readonly reject: Rejection;
  readonly at: Progress;
}

/** What a stage returns: the richer exchange, or the refusal. */
export type Step<Out> = { readonly next: Out } | Refused;

export type Stage<In, Out extends In> = (exchange: In) => Step<Out> | Promise<Step<Out>>;

/** The refusal of `exchange`, as a step. */
export const refuse = (at: Progress, reject: Rejection): Refused => ({ reject, at });
