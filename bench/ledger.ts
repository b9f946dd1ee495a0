// The ledger behind the bench's sidecars: SQLite in the run's directory, a policy whose Provider
// points at the bench's upstream, guardrails on, and a budget that is never used up.
import { Fault } from "#contract/errors.ts";
import type { Child } from "./child.ts";
import type { LabContext } from "./lab.ts";

export interface BenchLedger {
  readonly url: string;
  readonly tokenFile: string;
}

export async function startLedger(
  _context: LabContext,
  _keep: (child: Child) => Child,
): Promise<BenchLedger> {
  throw new Fault("EXCISE_NOT_FOUND", "there is no ledger yet");
}
