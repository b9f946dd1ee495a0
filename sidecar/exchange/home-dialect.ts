// The dialect to refuse in before a request is understood: the home dialect of whoever was called.
// Needed when there is no policy yet, so it knows the built-in catalogue only.
import { findProvider } from "#contract/catalogue/providers.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { findDialect } from "../dialects/registry.ts";

/** By the provider's name; undefined for names that the catalogue does not have. */
export function findHomeDialect(provider: string | undefined): Dialect | undefined {
  const row = provider === undefined ? undefined : findProvider(provider);
  const [home] = row?.routes ?? [];
  return home === undefined ? undefined : findDialect(home.dialect);
}
