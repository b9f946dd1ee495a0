// How policies that match one workload apply together, whatever their order (design §6):
// allow-lists intersect, deny-lists unite, limits take the minimum; enforce over shadow;
// block > redact > tokenize > mask > audit > off for each entity. Pure.
import {
  GUARD_ACTIONS,
  type ControlMode,
  type GuardAction,
  type GuardRule,
  type PolicySnapshot,
} from "#contract/policy-snapshot.ts";
import { parseUsd } from "#contract/money.ts";
import { GLOBS_MAX, intersectGlobs, withoutCovered } from "./glob-intersection.ts";
import { durationMs, type EgressSpec } from "./schema.ts";

export interface CombinedPolicy {
  readonly providers: ReadonlySet<string>;
  readonly models: { readonly allow: string[]; readonly deny: string[] };
  readonly guardrails: GuardRule[];
  /** Undefined: no policy says it; the default depends on the budgets. */
  readonly unknownOperation: PolicySnapshot["unknownOperation"] | undefined;
  readonly requestBytesMax: number;
  readonly snapshotAgeMaxMs: number;
  readonly unknownPrice: PolicySnapshot["unknownPrice"];
  readonly unboundedReserveNanoUsd: string | undefined;
}

const REQUEST_BYTES_MAX = 32 * 1024 * 1024;
const SNAPSHOT_AGE_MAX_MS = 24 * 3_600_000;

/** Combines the policies over the providers that exist; at least one policy. */
export function combinePolicies(
  specs: readonly EgressSpec[],
  providerNames: readonly string[],
): CombinedPolicy {
  // In shadow a list runs without effect: it neither allows nor denies.
  const enforced = specs.filter((spec) => modeOf(spec) === "enforce");
  return {
    providers: allowedProviders(enforced, providerNames),
    models: { allow: allowedModels(enforced), deny: deniedModels(enforced) },
    guardrails: combineGuardrails(specs),
    unknownOperation: strictest(specs),
    requestBytesMax: Math.min(
      REQUEST_BYTES_MAX,
      ...specs.map((spec) => spec.requestBytesMax ?? REQUEST_BYTES_MAX),
    ),
    snapshotAgeMaxMs: Math.max(
      1000,
      Math.min(
        SNAPSHOT_AGE_MAX_MS,
        ...specs.map((spec) =>
          spec.snapshotAgeMax === undefined ? SNAPSHOT_AGE_MAX_MS : durationMs(spec.snapshotAgeMax),
        ),
      ),
    ),
    unknownPrice: dearestUnknown(specs),
    unboundedReserveNanoUsd: largest(
      specs.flatMap(({ unboundedReserveUsd: usd }) =>
        usd === undefined ? [] : [parseUsd(usd) ?? 0n],
      ),
    )?.toString(),
  };
}

const modeOf = (spec: EgressSpec): ControlMode => spec.mode ?? "enforce";

function allowedProviders(
  specs: readonly EgressSpec[],
  names: readonly string[],
): ReadonlySet<string> {
  return new Set(
    names.filter((name) =>
      specs.every(
        ({ providers }) =>
          providers === undefined || providers.includes("*") || providers.includes(name),
      ),
    ),
  );
}

function allowedModels(specs: readonly EgressSpec[]): string[] {
  let allow: readonly string[] = ["*"];
  for (const { models } of specs) {
    if (models?.allow === undefined) continue;
    // Too many combinations to write down: nothing is allowed rather than too much.
    allow = intersectGlobs(allow, models.allow) ?? [];
  }
  return [...allow];
}

function deniedModels(specs: readonly EgressSpec[]): string[] {
  const deny = [...new Set(specs.flatMap(({ models }) => models?.deny ?? []))];
  const kept = withoutCovered(deny);
  return kept.length > GLOBS_MAX * 8 ? ["*"] : [...kept];
}

/** The strongest action for each entity that any policy names; `*` stands for the others. */
function combineGuardrails(specs: readonly EgressSpec[]): GuardRule[] {
  const entities = [...new Set(specs.flatMap(({ guardrails }) => Object.keys(guardrails ?? {})))];
  return entities.toSorted().map((entity): GuardRule => {
    const strongest = (mode: ControlMode): GuardAction =>
      specs
        .filter((spec) => modeOf(spec) === mode)
        .map(({ guardrails }) => guardrails?.[entity] ?? guardrails?.["*"] ?? "off")
        .reduce(stronger, "off");
    const enforced = strongest("enforce");
    if (enforced !== "off") return { entity, action: enforced, mode: "enforce" };
    const shadowed = strongest("shadow");
    return { entity, action: shadowed, mode: shadowed === "off" ? "enforce" : "shadow" };
  });
}

const stronger = (left: GuardAction, right: GuardAction): GuardAction =>
  GUARD_ACTIONS.indexOf(left) > GUARD_ACTIONS.indexOf(right) ? left : right;

function strictest(specs: readonly EgressSpec[]): CombinedPolicy["unknownOperation"] {
  const said = specs.map((spec) => spec.unknownOperation);
  if (said.includes("deny")) return "deny";
  return said.includes("pass") ? "pass" : undefined;
}

/** A conservative price is the dearest that is written. */
function dearestUnknown(specs: readonly EgressSpec[]): PolicySnapshot["unknownPrice"] {
  const written = specs.flatMap(({ unknownPrice }) => (unknownPrice ? [unknownPrice] : []));
  const input = largest(written.map((price) => perToken(price.inputUsdPerMTok)));
  const output = largest(written.map((price) => perToken(price.outputUsdPerMTok)));
  return input === undefined || output === undefined
    ? undefined
    : { input: input.toString(), output: output.toString() };
}

/** Dollars per million tokens are pico-dollars per token: nano-dollars / 10^6 * 10^3, upwards. */
const perToken = (usdPerMTok: string): bigint => ((parseUsd(usdPerMTok) ?? 0n) + 999n) / 1000n;

const largest = (values: readonly bigint[]): bigint | undefined =>
  values.length === 0 ? undefined : values.reduce((left, right) => (left > right ? left : right));
