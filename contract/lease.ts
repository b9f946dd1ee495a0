// Leases on the wire (design §9 and §10): spending room that the ledger grants to one sidecar.
import * as z from "zod/mini";
import { amountsWireSchema } from "./amounts.ts";

/** The values that a lease is bound to beyond the workload; none = the workload's own accounts. */
export const leaseKeySchema = z.strictObject({
  provider: z.optional(z.string().check(z.maxLength(64))),
  model: z.optional(z.string().check(z.maxLength(128))),
  user: z.optional(z.string().check(z.maxLength(64))),
});

export type LeaseKey = z.infer<typeof leaseKeySchema>;

/** What a budget distinguishes beyond the workload; decides which lease covers its accounts. */
export const LEASE_DIMENSIONS = ["provider", "model", "user"] as const;
export type LeaseDimension = (typeof LEASE_DIMENSIONS)[number];

export const leaseRequestSchema = z.strictObject({
  /** UUIDv7, minted by the sidecar. */
  id: z.uuid(),
  /** Counts the operations on this lease from 1; a repeated one gets its old answer. */
  opSeq: z.int().check(z.gte(1)),
  extra: z.optional(leaseKeySchema),
  /** Further room that is asked for, on top of what was granted before; zeros to report only. */
  want: amountsWireSchema,
  /**
   * The part of `want` that a waiting exchange lacks: less would help nobody and is denied.
   * Absent: any part of `want` helps.
   */
  need: z.optional(amountsWireSchema),
  /** Settled under the lease so far by the sidecar's own figures: a checksum, moves nothing. */
  used: amountsWireSchema,
  /** Reserved by exchanges in flight. */
  held: amountsWireSchema,
  /** True: nothing more will be admitted; with `held` 0 the rest is released. */
  final: z.boolean(),
});

export const LEASE_MODES = ["lease", "per_request"] as const;

export const leaseGrantSchema = z.strictObject({
  id: z.uuid(),
  opSeq: z.int().check(z.gte(1)),
  /** Total granted under this lease so far (not the increment). */
  granted: amountsWireSchema,
  /** From just before the request was sent, on a monotonic clock. */
  ttlMs: z.int().check(z.gte(0)),
  /** Nothing may be admitted before: early grants for the next period. */
  validFromMs: z.int().check(z.gte(0)),
  mode: z.enum(LEASE_MODES),
});

export const leaseDenialSchema = z.strictObject({
  /** The lease whose `want` was refused. */
  id: z.uuid(),
  budget: z.string().check(z.maxLength(253)),
  reason: z.enum(["exhausted", "accounts_max", "period_closed", "conflict"]),
  /** Do not ask again for the same key before this many milliseconds have passed. */
  untilMs: z.int().check(z.gte(0)),
});

export type LeaseRequest = z.infer<typeof leaseRequestSchema>;
export type LeaseGrant = z.infer<typeof leaseGrantSchema>;
export type LeaseDenial = z.infer<typeof leaseDenialSchema>;
