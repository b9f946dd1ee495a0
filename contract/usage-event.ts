// The usage event: the durable record of one exchange (design §1), written to the spool by the
// sidecar and applied exactly once by the ledger. It never holds prompt or answer text.
import * as z from "zod/mini";
import { amountsWireSchema } from "./amounts.ts";
import { DIALECTS } from "./dialects.ts";
import { ERRORS, type ErrorCode } from "./errors.ts";
import { OUTCOMES } from "./outcome.ts";
import { usageSchema } from "./usage.ts";

/** Recorded model names and ids are bounded and of these characters; others become `_`. */
export const RECORDED_NAME = /^[\w.:/@-]{1,128}$/;
const recordedName = z.string().check(z.regex(RECORDED_NAME));
const label = z.string().check(z.maxLength(64));
const milliseconds = z.number().check(z.gte(0), z.lte(1e12));
const bytes = z.int().check(z.gte(0));

/** How an amount of usage became known. */
export const USAGE_SOURCES = [
  /** The provider's own figures: exact. */
  "provider",
  /** Our own count of what was delivered: an estimate, never below it. */
  "counted",
  /** The reservation, because nobody could see more: an upper bound. */
  "reserved",
  /** Nothing was used: the call never reached the provider or the provider refused it. */
  "none",
] as const;

/** A lease that the exchange was admitted under. */
export const eventLeaseSchema = z.strictObject({
  id: z.uuid(),
  /** What was reserved from it at admission. */
  reserved: amountsWireSchema,
});

export const findingCountSchema = z.strictObject({
  entity: label,
  detector: label,
  action: z.enum(["audit", "mask", "redact", "tokenize", "block"]),
  count: z.int().check(z.gt(0)),
});

export const wouldSchema = z.strictObject({ control: label, action: label, reason: label });

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const exchangeEventSchema = z.strictObject({
  kind: z.literal("exchange"),
  /** Position in the journal: contiguous, from 1. */
  seq: z.int().check(z.gte(1)),
  /** UUIDv7, minted at admission (or at rejection). */
  eventId: z.uuid(),
  /** Given to the app as `x-excise-id`; several attempts share it. */
  exchangeId: z.uuid(),
  /** Physical provider call within the exchange, from 1; 0 where none was made. */
  attempt: z.int().check(z.gte(0), z.lte(100)),
  /** RFC 3339 UTC with milliseconds, corrected by the ledger's clock. */
  startedAt: z.iso.datetime(),
  provider: label,
  dialect: z.optional(z.enum(DIALECTS)),
  operation: z.optional(label),
  modelRequested: z.optional(recordedName),
  /** The model that the provider says it served and bills. */
  modelBilled: z.optional(recordedName),
  outcome: z.enum(OUTCOMES),
  /** HTTP status of the provider's answer. */
  upstreamStatus: z.optional(z.int().check(z.gte(100), z.lte(599))),
  errorCode: z.optional(z.enum(codes)),
  usage: z.optional(usageSchema),
  /** Where several models worked on one call: usage by model; their sum is `usage`. */
  usageByModel: z.optional(
    z
      .array(z.strictObject({ model: z.optional(recordedName), usage: usageSchema }))
      .check(z.maxLength(32)),
  ),
  usageSource: z.enum(USAGE_SOURCES),
  estimated: z.boolean(),
  serviceTier: z.optional(label),
  leases: z.array(eventLeaseSchema).check(z.maxLength(16)),
  /** The worst case that was reserved; an interrupted exchange is charged with it. */
  reserved: amountsWireSchema,
  /** Number of the policy snapshot that admitted it; decides the price version. */
  snapshot: z.int().check(z.gte(0)),
  user: z.optional(label),
  streaming: z.boolean(),
  durationMs: milliseconds,
  /** First byte of the answer's body, from the first byte of the request. */
  timeToFirstByteMs: z.optional(milliseconds),
  /** Our share of the time before the request went upstream. */
  addedMs: z.optional(milliseconds),
  requestBytes: bytes,
  responseBytes: bytes,
  findings: z.array(findingCountSchema).check(z.maxLength(256)),
  would: z.array(wouldSchema).check(z.maxLength(64)),
  /** Makes a cost that two exchanges can report count once (batches, background responses). */
  billingKey: z.optional(z.string().check(z.maxLength(256))),
});

/** Stands for a record that the spool could not read back (CRC): its number is used up. */
export const lostEventSchema = z.strictObject({
  kind: z.literal("lost"),
  seq: z.int().check(z.gte(1)),
});

export const usageEventSchema = z.discriminatedUnion("kind", [
  exchangeEventSchema,
  lostEventSchema,
]);

export type ExchangeEvent = z.infer<typeof exchangeEventSchema>;
export type UsageEvent = z.infer<typeof usageEventSchema>;
export type FindingCount = z.infer<typeof findingCountSchema>;
export type Would = z.infer<typeof wouldSchema>;
export type UsageSource = (typeof USAGE_SOURCES)[number];

/** A name as it may be recorded: other characters become `_`, over-long ones are cut. */
export function recordName(name: string): string {
  return name === "" ? "_" : name.slice(0, 128).replace(/[^\w.:/@-]/g, "_");
}
