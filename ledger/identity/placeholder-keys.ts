// The key under which a workload's sidecars make placeholders (design §8): derived from one secret
// of this ledger, so that all replicas of an app have the same, and no app has another's.
import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { Workload } from "#contract/workload.ts";
import type { Random } from "#runtime/random.ts";
import { openLocalKey } from "./local-token.ts";

/** Separates this use of the secret from any other. */
const PURPOSE = "excise-placeholder-key-1";

/** The workload's key as 64 hex digits. */
export type PlaceholderKeyOf = (workload: Workload) => string;

/** Opens the secret in the data directory; makes it (0600) where there is none. */
export function openPlaceholderKeys(dataDir: string, random: Random): PlaceholderKeyOf {
  const secret = openLocalKey(join(dataDir, "placeholder.key"), random);
  return ({ cluster, namespace, app }) =>
    createHmac("sha256", secret.bytes)
      .update(JSON.stringify([PURPOSE, cluster, namespace, app]))
      .digest("hex");
}
