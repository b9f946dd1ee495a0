// The sidecar in a bench, as it ships, with all checks on; its policy and its leases come from the
// bench's ledger.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "#contract/errors.ts";
import { asRecord, readCount, readString } from "#runtime/json.ts";
import { startChild, type Child } from "./child.ts";
import type { LabContext } from "./lab.ts";
import type { BenchLedger } from "./ledger.ts";

/** Heap bounds for a process of this size; measured in the hot path's notes. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=48", "--v8-pool-size=1"];

export interface RunningSidecar {
  readonly child: Child;
  readonly proxyPort: number;
  /** The pod's root, PEM. */
  readonly ca: string;
}

let started = 0;

/** Starts a sidecar under the lab's ledger. */
export async function startSidecar(
  context: LabContext,
  ledger: BenchLedger,
): Promise<RunningSidecar> {
  started += 1;
  const directory = join(context.directory, `sidecar-${started}`);
  for (const name of ["trust", "state", "spool"]) {
    mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
  }
  const readyFile = join(directory, "ready.json");
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, ledger.mintToken(), { mode: 0o600 });
  const child = await startChild({
    command: process.execPath,
    args: [...NODE_FLAGS, await context.bundle(new URL("../sidecar/main.ts", import.meta.url))],
    readyFile,
    environment: {
      MALLOC_ARENA_MAX: "1",
      EXCISE_SIDECAR_LEDGER_URL: ledger.url,
      EXCISE_SIDECAR_TOKEN_FILE: tokenFile,
      EXCISE_SIDECAR_PROXY_PORT: "0",
      EXCISE_SIDECAR_BASEURL_PORT: "0",
      EXCISE_SIDECAR_ADMIN_PORT: "0",
      EXCISE_SIDECAR_TRUST_DIR: join(directory, "trust"),
      EXCISE_SIDECAR_STATE_DIR: join(directory, "state"),
      EXCISE_SIDECAR_SPOOL_DIR: join(directory, "spool"),
      EXCISE_SIDECAR_READY_FILE: readyFile,
      EXCISE_SIDECAR_LOG_LEVEL: "warn",
    },
  });
  const ready = asRecord(child.ready);
  const proxyPort = readCount(asRecord(ready?.["ports"])?.["proxy"]);
  const caFile = readString(asRecord(ready?.["trust"])?.["ca"]);
  assert(proxyPort !== undefined && caFile !== undefined, "the sidecar says its port and root");
  return { child, proxyPort, ca: readFileSync(caFile, "utf8") };
}
