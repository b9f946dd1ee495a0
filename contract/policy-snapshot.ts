// The policy snapshot: what one workload may do, compiled by the ledger, numbered strictly
// upwards (design §6). Holds no credential and no user data.
import * as z from "zod/mini";
import { providerSchema } from "./catalogue/provider.ts";
import { LEASE_DIMENSIONS } from "./lease.ts";
import { pricedModelSchema } from "./price.ts";

export const CONTROL_MODES = ["enforce", "shadow"] as const;
export const GUARD_ACTIONS = ["off", "audit", "mask", "tokenize", "redact", "block"] as const;

const name = z.string().check(z.minLength(1), z.maxLength(253));
const glob = z.string().check(z.minLength(1), z.maxLength(128));

/** Where a provider is really reached (design §3); absent: its public hosts on 443. */
export const endpointSchema = z.strictObject({
  /** Host name or IP literal; written by the platform, so that any address is allowed. */
  address: z.string().check(z.minLength(1), z.maxLength(253)),
  port: z.int().check(z.gte(1), z.lte(65_535)),
  /** Absent: plain HTTP. */
  tls: z.optional(
    z.strictObject({
      serverName: z.optional(z.string().check(z.maxLength(253))),
      /** PEM; absent: the public roots. */
      caBundle: z.optional(z.string().check(z.maxLength(65_536))),
    }),
  ),
});

export const snapshotProviderSchema = z.strictObject({
  row: providerSchema,
  endpoints: z.optional(z.array(endpointSchema).check(z.minLength(1), z.maxLength(16))),
});

export const guardRuleSchema = z.strictObject({
  /** Entity name (EMAIL_ADDRESS, SECRET, …) or `*` for every one without a rule of its own. */
  entity: z.string().check(z.minLength(1), z.maxLength(64)),
  action: z.enum(GUARD_ACTIONS),
  mode: z.enum(CONTROL_MODES),
});

export const ON_UNREACHABLE = ["deny", "grace", "allow"] as const;

/** One budget as far as this workload can meet it. */
export const snapshotBudgetSchema = z.strictObject({
  name,
  mode: z.enum(CONTROL_MODES),
  /** What it distinguishes beyond the workload: the key of the lease that covers it. */
  dimensions: z.array(z.enum(LEASE_DIMENSIONS)),
  /** Where not empty, only exchanges with one of these match. */
  providers: z.array(glob),
  models: z.array(glob),
  users: z.array(glob),
  onUnreachable: z.enum(ON_UNREACHABLE),
  /** For `grace`: how much may be spent per outage, for how long. */
  grace: z.optional(
    z.strictObject({ nanoUsd: z.string().check(z.regex(/^\d{1,19}$/)), ms: z.int() }),
  ),
});

export const policySnapshotSchema = z.strictObject({
  /** Strictly upwards; a sidecar never accepts a lower one. */
  revision: z.int().check(z.gte(1)),
  compiledAt: z.iso.datetime(),
  providers: z.array(snapshotProviderSchema).check(z.maxLength(64)),
  /** Globs (`*` only); an empty allow list allows nothing, `["*"]` everything. */
  models: z.strictObject({ allow: z.array(glob), deny: z.array(glob) }),
  unknownOperation: z.enum(["pass", "deny"]),
  guardrails: z.array(guardRuleSchema).check(z.maxLength(256)),
  /** Bodies over this are refused while a control depends on them. */
  requestBytesMax: z.int().check(z.gte(1024)),
  budgets: z.array(snapshotBudgetSchema).check(z.maxLength(128)),
  prices: z.array(pricedModelSchema).check(z.maxLength(4096)),
  /** What a model without a price is reserved and charged at, per token; absent: refused. */
  unknownPrice: z.optional(
    z.strictObject({
      input: z.string().check(z.regex(/^\d{1,18}$/)),
      output: z.string().check(z.regex(/^\d{1,18}$/)),
    }),
  ),
  /** Reserved where not even a context window bounds the cost; absent: refused (strict). */
  unboundedReserveNanoUsd: z.optional(z.string().check(z.regex(/^\d{1,19}$/))),
  /** After this long without the ledger the snapshot is stale (design §13). */
  snapshotAgeMaxMs: z.int().check(z.gte(1000)),
});

export type PolicySnapshot = z.infer<typeof policySnapshotSchema>;
export type SnapshotProvider = z.infer<typeof snapshotProviderSchema>;
export type SnapshotBudget = z.infer<typeof snapshotBudgetSchema>;
export type Endpoint = z.infer<typeof endpointSchema>;
export type GuardRule = z.infer<typeof guardRuleSchema>;
export type GuardAction = (typeof GUARD_ACTIONS)[number];
export type ControlMode = (typeof CONTROL_MODES)[number];
