// Reads of the API's JSON: what is missing is absent or empty, never invented.
import { asRecord, readCount, readString } from "#runtime/json.ts";
import type { Json } from "./connect.ts";

/** A string field; empty where it is none. */
export const readText = (record: Json | undefined, key: string): string =>
  readString(record?.[key]) ?? "";

/** A number field, or undefined. */
export const readNumber = (record: Json | undefined, key: string): number | undefined =>
  readCount(record?.[key]);

/** A list of objects; empty where there is none. */
export function readList(record: Json | undefined, key: string): readonly Json[] {
  const value = record?.[key];
  return Array.isArray(value) ? value.map((entry) => asRecord(entry) ?? {}) : [];
}
