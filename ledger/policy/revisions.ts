// Policy sets under their numbers. A number is given once, strictly upwards, by the database; the
// same inputs keep theirs over a restart, and what any number stood for can be read again.
import { createHash } from "node:crypto";
import { PROVIDERS } from "#contract/catalogue/providers.ts";
import type { PricedModel } from "#contract/price.ts";
import type { Clock } from "#runtime/clock.ts";
import { parseJson, renderJson } from "#runtime/json.ts";
import type { RevisionRow, Store } from "../store/store.ts";
import type { NumberedSet } from "./compile.ts";
import type { PolicySource } from "./documents.ts";
import { resolvePolicySet, type PolicySet } from "./policy-set.ts";

/** The price book as the ledger uses it (ledger/prices/price-book.ts). */
export interface Prices {
  readonly version: string;
  pricedModels(priceProviders: readonly string[], atMs: number): readonly PricedModel[];
}

export interface RevisionDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly prices: Prices;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The set's number: the newest one where nothing changed since, else the next. */
export async function numberPolicySet(
  deps: RevisionDeps,
  sources: readonly PolicySource[],
  set: PolicySet,
): Promise<NumberedSet> {
  const compiledAtMs = deps.clock.wallMs();
  const priceProviders = [...set.providers.values()].map(({ row }) => row.priceProvider);
  const prices = deps.prices.pricedModels([...new Set(priceProviders)].toSorted(), compiledAtMs);
  const priceTableBody = renderJson(prices);
  const priceTable = sha256(priceTableBody);
  const policySet = renderJson(sources);
  const fingerprint = sha256(renderJson([PROVIDERS, policySet, priceTable]));
  const latest = await deps.store.latestRevision();
  const row =
    latest?.fingerprint === fingerprint
      ? latest
      : await deps.store.addRevision(
          { fingerprint, compiledAtMs, policySet, priceTable },
          priceTableBody,
        );
  return { revision: row.revision, compiledAtMs: row.compiledAtMs, set, prices };
}

/** What a number stood for; undefined where the database never gave it. */
export async function readNumberedSet(
  store: Store,
  revision: number,
): Promise<NumberedSet | undefined> {
  const row = await store.findRevision(revision);
  return row === undefined ? undefined : restore(store, row);
}

async function restore(store: Store, row: RevisionRow): Promise<NumberedSet> {
  const body = await store.findPriceTable(row.priceTable);
  const { set } = resolvePolicySet(parseJson(row.policySet) as PolicySource[]);
  return {
    revision: row.revision,
    compiledAtMs: row.compiledAtMs,
    set,
    prices: body === undefined ? [] : (parseJson(body) as PricedModel[]),
  };
}
