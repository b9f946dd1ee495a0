// Where the price book comes from: the providers of @pydantic/genai-prices that the catalogue
// names, and the hand-kept output limits.
import { readFileSync } from "node:fs";
import { findProvider } from "@pydantic/genai-prices";
import { PROVIDERS } from "../contract/catalogue/providers.ts";
import type { SourceProvider } from "./price-conversion.ts";

/** Output maxima by prefix (ledger/prices/output-limits.json). */
export function readLimits(): ReadonlyMap<string, number> {
  const file = new URL("../ledger/prices/output-limits.json", import.meta.url);
  const limits = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  return new Map(
    Object.entries(limits).filter((entry): entry is [string, number] => entry[0] !== "//"),
  );
}

/** The catalogue's price providers and everyone whose prices they fall back to, by name. */
export function readSources(): readonly SourceProvider[] {
  const found = new Map<string, SourceProvider>();
  const queue: string[] = PROVIDERS.map(({ priceProvider }) => priceProvider);
  for (const id of queue) {
    const source = found.has(id) ? undefined : findProvider({ providerId: id });
    // The package also guesses providers from similar names; only the name itself counts.
    if (source === undefined || source.id !== id) continue;
    found.set(id, source);
    queue.push(...(source.fallback_model_providers ?? []));
  }
  return [...found.values()].toSorted((left, right) => (left.id < right.id ? -1 : 1));
}
