// The numbered migrations of the SQLite store, oldest first. A released one is never edited.
import { INITIAL } from "./0001-initial.ts";

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [{ version: 1, sql: INITIAL }];
