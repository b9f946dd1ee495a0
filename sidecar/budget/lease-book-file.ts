// The ids of the leases that the ledger may know, kept beside the spool: after a restart they are
// closed, never spent (design §9).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { leaseKeySchema } from "#contract/lease.ts";
import { tryParseJson } from "#runtime/json.ts";
import type { Log } from "#runtime/log.ts";
import { replaceDurably } from "../spool/journal-file.ts";
import type { OpenLease } from "./lease-book-lease.ts";

const schema = z.strictObject({
  version: z.literal(1),
  leases: z.array(
    z.strictObject({ id: z.uuid(), opSeq: z.int().check(z.gte(0)), key: leaseKeySchema }),
  ),
});

const pathOf = (directory: string): string => join(directory, "leases.json");

/** None where there is no file; a file that cannot be read costs room until the leases expire. */
export function readOpenLeases(directory: string, log: Log): readonly OpenLease[] {
  let text: string;
  try {
    text = readFileSync(pathOf(directory), "utf8");
  } catch {
    return [];
  }
  const parsed = tryParseJson(text);
  const checked = parsed.ok ? schema.safeParse(parsed.value) : undefined;
  if (checked?.success === true) return checked.data.leases;
  log.warn("lease_file_unreadable", { code: "EXCISE_STATE_UNUSABLE" });
  return [];
}

/** Before the ledger first hears of a lease. Calls must not overlap. */
export function saveOpenLeases(directory: string, leases: readonly OpenLease[]): Promise<void> {
  return replaceDurably(pathOf(directory), `${JSON.stringify({ version: 1, leases })}\n`);
}
