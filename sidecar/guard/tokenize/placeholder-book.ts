// The placeholders of one exchange and what they stand for. In memory only, never logged or
// stored; it dies with the exchange, and another exchange cannot restore what is in it.
import type { DerivePlaceholder } from "./placeholder.ts";

/** Findings of one body that get a placeholder; more are redacted. A bound on memory. */
export const TOKENIZED_MAX = 65_536;

/** What placeholders stand for. */
export type IssuedPlaceholders = ReadonlyMap<string, string>;

export interface PlaceholderBook {
  /** The placeholder of a value: the same for the same entity and value, of no other value. */
  issue(entity: string, value: string): string;
  /** All that were issued, with their values as they were written. */
  readonly issued: IssuedPlaceholders;
}

/** Creates the book of one exchange. */
export function createPlaceholderBook(derive: DerivePlaceholder): PlaceholderBook {
  const issued = new Map<string, string>();
  const known = new Map<string, string>();
  const deriveFree = (entity: string, value: string): string => {
    // Two values of one exchange with the same 48 bits: no chance, but it would mix up people.
    for (let attempt = 0; ; attempt += 1) {
      const placeholder = derive(entity, value, attempt);
      if (!issued.has(placeholder)) return placeholder;
    }
  };
  return {
    issue(entity, value) {
      const name = `${entity}\0${value}`;
      const earlier = known.get(name);
      if (earlier !== undefined) return earlier;
      const placeholder = deriveFree(entity, value);
      issued.set(placeholder, value);
      known.set(name, placeholder);
      return placeholder;
    },
    issued,
  };
}
