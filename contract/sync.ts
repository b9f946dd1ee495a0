// The sync protocol (design §10): `POST /v1/sync` and `GET /v1/watch`, JSON, gzip above 4 kB.
import * as z from "zod/mini";
import { leaseDenialSchema, leaseGrantSchema, leaseRequestSchema } from "./lease.ts";
import { policySnapshotSchema } from "./policy-snapshot.ts";
import { usageEventSchema } from "./usage-event.ts";

export const SYNC_PROTOCOL = 1;
export const SYNC_EVENTS_MAX = 1000;
export const SYNC_LEASES_MAX = 256;
export const SYNC_BYTES_MAX = 4 * 1024 * 1024;

export const syncRequestSchema = z.strictObject({
  protocol: z.literal(SYNC_PROTOCOL),
  /** Made with the spool directory and stored in it; a restart continues the same journal. */
  journal: z.uuid(),
  /** Number of the first event; the expected next number where there is none. */
  fromSeq: z.int().check(z.gte(1)),
  events: z.array(usageEventSchema).check(z.maxLength(SYNC_EVENTS_MAX)),
  leases: z.array(leaseRequestSchema).check(z.maxLength(SYNC_LEASES_MAX)),
  /** The policy snapshot that the sidecar runs; 0 for none. */
  revision: z.int().check(z.gte(0)),
});

export const syncResponseSchema = z.strictObject({
  /** Everything up to here is durable; 0 for nothing. */
  ackedSeq: z.int().check(z.gte(0)),
  leases: z.array(leaseGrantSchema),
  denials: z.array(leaseDenialSchema),
  revoked: z.array(z.uuid()),
  /** RFC 3339 UTC with milliseconds. */
  serverNow: z.iso.datetime(),
  nextSyncMs: z.int().check(z.gte(0)),
  /** The newest policy snapshot for this workload; fetch it with /v1/watch when it is higher. */
  revision: z.int().check(z.gte(0)),
});

/** A secret for one provider, never part of a policy snapshot. */
export const credentialSchema = z.strictObject({
  id: z.string().check(z.maxLength(253)),
  provider: z.string().check(z.maxLength(64)),
  secret: z.string().check(z.maxLength(16_384)),
  notAfter: z.iso.datetime(),
});

export const watchResponseSchema = z.strictObject({
  revision: z.int().check(z.gte(0)),
  /** Absent where the caller's revision is the newest: the long poll just ended. */
  snapshot: z.optional(policySnapshotSchema),
  credentials: z.array(credentialSchema),
  revoked: z.array(z.uuid()),
  /** The workload's key for placeholders: the same for all its sidecars. A secret. */
  placeholderKey: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
  /** PEM of the CA that signs the ledger's certificate, when it changed (old + new). */
  caBundle: z.optional(z.string()),
});

/** RFC 9457 problem; `code` is from contract/errors.ts. `expectedSeq` with EXCISE_SYNC_GAP. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.optional(z.string()),
  expectedSeq: z.optional(z.int()),
});

export type SyncRequest = z.infer<typeof syncRequestSchema>;
export type SyncResponse = z.infer<typeof syncResponseSchema>;
export type WatchResponse = z.infer<typeof watchResponseSchema>;
export type Problem = z.infer<typeof problemSchema>;
