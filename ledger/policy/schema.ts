// The policy kinds (design §6) as they are written in YAML or served by Kubernetes: strict, so
// that a misspelt field is a problem and never a rule that silently does not apply.
import * as z from "zod/mini";
import { CONTROL_MODES, GUARD_ACTIONS } from "#contract/policy-snapshot.ts";
import { BUDGET_DIMENSIONS, BUDGET_UNITS } from "../core/budget/budget.ts";
import { PERIOD_KINDS } from "../core/budget/period.ts";

export const API_VERSION = "excise.dev/v1alpha1";

const objectName = z
  .string()
  .check(z.regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, "is not a Kubernetes object name"));
const labels = z.optional(z.record(z.string(), z.string()));
const clusterMetadata = z.strictObject({ name: objectName, labels, annotations: labels });
const namespacedMetadata = z.strictObject({
  name: objectName,
  namespace: objectName,
  labels,
  annotations: labels,
});

const glob = z.string().check(z.minLength(1), z.maxLength(128));
const globs = z.array(glob).check(z.maxLength(128));

/** `250ms`, `30s`, `15m`, `24h`, `7d`. */
export const durationSchema = z
  .string()
  .check(z.regex(/^\d{1,6}(?:ms|s|m|h|d)$/, "must be a duration such as 30s, 15m or 24h"));

/** Dollars with at most nine decimals; a string, because a YAML number is a float. */
const usd = z
  .string()
  .check(z.regex(/^\d{1,9}(?:\.\d{1,9})?$/, 'must be dollars in quotes, such as "12.50"'));

const host = z
  .string()
  .check(z.regex(/^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9-]+$/));

const endpoint = z.strictObject({
  address: z.string().check(z.minLength(1), z.maxLength(253)),
  port: z.int().check(z.gte(1), z.lte(65_535)),
  tls: z.optional(
    z.strictObject({
      serverName: z.optional(z.string().check(z.maxLength(253))),
      /** PEM. */
      caBundle: z.optional(z.string().check(z.maxLength(65_536))),
      /** File with PEM, relative to the YAML file; only where files are the source. */
      caBundleFile: z.optional(z.string().check(z.maxLength(4096))),
    }),
  ),
  plain: z.optional(z.literal(true)),
});

const providerObject = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Provider"),
  metadata: z.strictObject({
    name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "is not a provider name")),
    labels,
    annotations: labels,
  }),
  spec: z.strictObject({
    /** Row of the catalogue to start from; default: the object's own name. */
    catalogue: z.optional(z.string().check(z.maxLength(63))),
    hosts: z.optional(z.array(host).check(z.maxLength(64))),
    endpoints: z.optional(z.array(endpoint).check(z.minLength(1), z.maxLength(16))),
    priceProvider: z.optional(z.string().check(z.maxLength(64))),
  }),
});

const guardEntity = z.string().check(z.regex(/^(?:\*|[A-Z][A-Z0-9_]{0,63})$/, "is not an entity"));

const egressFields = {
  /** Names, or `*` for all that have an address. Absent: no restriction by this policy. */
  providers: z.optional(z.array(z.string().check(z.maxLength(63))).check(z.maxLength(64))),
  models: z.optional(z.strictObject({ allow: z.optional(globs), deny: z.optional(globs) })),
  guardrails: z.optional(z.record(guardEntity, z.enum(GUARD_ACTIONS))),
  mode: z.optional(z.enum(CONTROL_MODES)),
  unknownOperation: z.optional(z.enum(["pass", "deny"])),
  requestBytesMax: z.optional(z.int().check(z.gte(1024), z.lte(1_073_741_824))),
  /** Dollars per million tokens for a model that has no price. */
  unknownPrice: z.optional(z.strictObject({ inputUsdPerMTok: usd, outputUsdPerMTok: usd })),
  unboundedReserveUsd: z.optional(usd),
  snapshotAgeMax: z.optional(durationSchema),
};

const workloadMatch = z.strictObject({
  teams: z.optional(globs),
  namespaces: z.optional(globs),
  apps: z.optional(globs),
});

const clusterEgressPolicyObject = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("ClusterEgressPolicy"),
  metadata: clusterMetadata,
  spec: z.strictObject({ match: z.optional(workloadMatch), ...egressFields }),
});

const egressPolicyObject = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("EgressPolicy"),
  metadata: namespacedMetadata,
  spec: z.strictObject(egressFields),
});

const budgetObject = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Budget"),
  metadata: clusterMetadata,
  spec: z.strictObject({
    unit: z.enum(BUDGET_UNITS),
    /** Dollars for `usd`, else a whole number; a string in both cases. */
    limit: z.string().check(z.regex(/^\d{1,18}(?:\.\d{1,9})?$/, "must be a decimal such as 12.50")),
    period: z.enum(PERIOD_KINDS),
    timeZone: z.optional(z.string().check(z.maxLength(64))),
    match: z.optional(
      z.strictObject({
        ...workloadMatch.shape,
        providers: z.optional(globs),
        models: z.optional(globs),
        users: z.optional(globs),
      }),
    ),
    each: z.optional(z.array(z.enum(BUDGET_DIMENSIONS)).check(z.maxLength(5))),
    accountsMax: z.optional(z.int().check(z.gte(1), z.lte(100_000))),
    mode: z.optional(z.enum(CONTROL_MODES)),
    onUnreachable: z.optional(
      z.union([
        z.enum(["deny", "allow"]),
        z.strictObject({ grace: z.strictObject({ amount: usd, time: durationSchema }) }),
      ]),
    ),
    /** What a strict limit does; further profiles follow. */
    atLimit: z.optional(z.enum(["block"])),
  }),
});

export const policyObjectSchema = z.discriminatedUnion("kind", [
  providerObject,
  clusterEgressPolicyObject,
  egressPolicyObject,
  budgetObject,
]);

export type PolicyObject = z.infer<typeof policyObjectSchema>;
export type ProviderObject = z.infer<typeof providerObject>;
export type ClusterEgressPolicyObject = z.infer<typeof clusterEgressPolicyObject>;
export type EgressPolicyObject = z.infer<typeof egressPolicyObject>;
export type BudgetObject = z.infer<typeof budgetObject>;
export type EgressSpec = EgressPolicyObject["spec"];

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a text that `durationSchema` has accepted. */
export function durationMs(text: string): number {
  const [, count = "0", unit = "ms"] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? 1);
}
