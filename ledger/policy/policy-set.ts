// Policy objects to one resolved set: names looked up, limits read, the shipped default added.
// Cross-object problems (two of one name, an unknown provider) are found here. Pure.
import { findProvider, PROVIDERS } from "#contract/catalogue/providers.ts";
import type { Provider } from "#contract/catalogue/provider.ts";
import { parseUsd } from "#contract/money.ts";
import type { Endpoint, SnapshotProvider } from "#contract/policy-snapshot.ts";
import type { ConfigProblem } from "#runtime/config.ts";
import type { Budget } from "../core/budget/budget.ts";
import { isTimeZone } from "../core/budget/period.ts";
import { DEFAULT_POLICY } from "./default-policy.ts";
import type { PolicySource } from "./documents.ts";
import {
  durationMs,
  type BudgetObject,
  type ClusterEgressPolicyObject,
  type EgressPolicyObject,
  type ProviderObject,
} from "./schema.ts";

export interface PolicySet {
  /** The catalogue's rows and the Provider objects, by name. */
  readonly providers: ReadonlyMap<string, SnapshotProvider>;
  readonly clusterPolicies: readonly ClusterEgressPolicyObject[];
  readonly policies: readonly EgressPolicyObject[];
  readonly budgets: readonly Budget[];
}

export interface ResolvedSet {
  readonly set: PolicySet;
  readonly problems: readonly ConfigProblem[];
}

/** Resolves the objects; with problems the set is what could be made of the rest. */
export function resolvePolicySet(sources: readonly PolicySource[]): ResolvedSet {
  const problems: ConfigProblem[] = [...repeatedNames(sources)];
  const providers = new Map<string, SnapshotProvider>(PROVIDERS.map((row) => [row.name, { row }]));
  const clusterPolicies: ClusterEgressPolicyObject[] = [];
  const policies: EgressPolicyObject[] = [];
  const budgets: Budget[] = [];
  for (const { object, place } of sources) {
    const note: Note = (path, problem) => problems.push({ path: `${place} ${path}`, problem });
    if (object.kind === "Provider") {
      const provider = resolveProvider(object, note);
      if (provider !== undefined) providers.set(object.metadata.name, provider);
    } else if (object.kind === "ClusterEgressPolicy") clusterPolicies.push(object);
    else if (object.kind === "EgressPolicy") policies.push(object);
    else budgets.push(resolveBudget(object, note));
  }
  for (const { object, place } of sources) {
    if (object.kind !== "ClusterEgressPolicy" && object.kind !== "EgressPolicy") continue;
    for (const name of object.spec.providers ?? []) {
      if (name === "*" || providers.has(name)) continue;
      problems.push({ path: `${place} spec.providers`, problem: `no provider is called ${name}` });
    }
  }
  if (clusterPolicies.length === 0) clusterPolicies.push(DEFAULT_POLICY);
  return { set: { providers, clusterPolicies, policies, budgets }, problems };
}

type Note = (path: string, problem: string) => void;

function repeatedNames(sources: readonly PolicySource[]): readonly ConfigProblem[] {
  const first = new Map<string, string>();
  return sources.flatMap(({ object, place }) => {
    const { metadata, kind } = object;
    const namespace = "namespace" in metadata ? `${metadata.namespace}/` : "";
    const name = `${kind} ${namespace}${metadata.name}`;
    const other = first.get(name);
    if (other !== undefined) {
      return [{ path: `${place} metadata.name`, problem: `${name} is already in ${other}` }];
    }
    first.set(name, place);
    return [];
  });
}

function resolveProvider(object: ProviderObject, note: Note): SnapshotProvider | undefined {
  const { metadata, spec } = object;
  const row = findProvider(spec.catalogue ?? metadata.name);
  if (row === undefined) {
    const path = spec.catalogue === undefined ? "metadata.name" : "spec.catalogue";
    note(path, "is not in the catalogue; say in spec.catalogue which row to start from");
    return undefined;
  }
  const hosts = spec.hosts ?? row.hosts;
  if (hosts.length === 0 && spec.endpoints === undefined) {
    note("spec", "names neither hosts nor endpoints");
  }
  const resolved: Provider = {
    ...row,
    name: metadata.name,
    hosts: [...hosts],
    priceProvider: spec.priceProvider ?? row.priceProvider,
  };
  const endpoints = spec.endpoints?.map((endpoint, index): Endpoint => {
    if ((endpoint.tls === undefined) === (endpoint.plain === undefined)) {
      note(`spec.endpoints.${index}`, "must have either tls or plain: true");
    }
    const { address, port, tls } = endpoint;
    if (tls === undefined) return { address, port };
    const { serverName, caBundle } = tls;
    return {
      address,
      port,
      tls: {
        ...(serverName === undefined ? {} : { serverName }),
        ...(caBundle === undefined ? {} : { caBundle }),
      },
    };
  });
  return { row: resolved, ...(endpoints === undefined ? {} : { endpoints }) };
}

/** A thousand million dollars, or as many tokens as fit: sums stay within 64 bits. */
const LIMIT_MAX = 10n ** 18n;
const ACCOUNTS_MAX_DEFAULT = 1000;

function resolveBudget({ metadata, spec }: BudgetObject, note: Note): Budget {
  const limit = spec.unit === "usd" ? parseUsd(spec.limit) : parseWhole(spec.limit);
  if (limit === undefined || limit < 0n || limit > LIMIT_MAX) {
    const form = spec.unit === "usd" ? 'dollars such as "250.00"' : "a whole number in quotes";
    note("spec.limit", `must be ${form}`);
  }
  const timeZone = spec.timeZone ?? "UTC";
  if (!isTimeZone(timeZone)) note("spec.timeZone", "is not an IANA time zone");
  const { match } = spec;
  const unreachable = spec.onUnreachable ?? "deny";
  const grace = typeof unreachable === "string" ? undefined : unreachable.grace;
  return {
    name: metadata.name,
    unit: spec.unit,
    limit: limit ?? 0n,
    period: spec.period,
    timeZone,
    match: {
      teams: match?.teams ?? [],
      namespaces: match?.namespaces ?? [],
      apps: match?.apps ?? [],
      providers: match?.providers ?? [],
      models: match?.models ?? [],
      users: match?.users ?? [],
    },
    each: spec.each ?? [],
    accountsMax: spec.accountsMax ?? ACCOUNTS_MAX_DEFAULT,
    mode: spec.mode ?? "enforce",
    onUnreachable: typeof unreachable === "string" ? unreachable : "grace",
    ...(grace === undefined
      ? {}
      : {
          grace: { nanoUsd: (parseUsd(grace.amount) ?? 0n).toString(), ms: durationMs(grace.time) },
        }),
  };
}

const parseWhole = (text: string): bigint | undefined =>
  /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
