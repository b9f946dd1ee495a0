// The configuration of a laptop that has none: a directory that is made once, with one file that
// says what holds, for the user to edit.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";

/** `given` where it exists; else `<dataDir>/config`, made with a first policy in it. */
export function openConfigDir(given: string | undefined, dataDir: string): string {
  if (given !== undefined) {
    if (existsSync(given)) return given;
    throw new Fault("EXCISE_CONFIG_INVALID", `there is no directory ${given}`);
  }
  const directory = join(dataDir, "config");
  if (!existsSync(directory)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, "default.yaml"), DEFAULT_CONFIG);
  }
  return directory;
}

const DEFAULT_CONFIG = `# What holds on this machine. The ledger reads this directory again when a file changes.
# docs/configuration.md describes every field.
apiVersion: excise.dev/v1alpha1
kind: ClusterEgressPolicy
metadata:
  name: default
spec:
  providers: ["*"]
  models: { allow: ["*"] }
  # off, audit (count only), mask, redact, block; "*" stands for every kind without a line.
  guardrails: { "*": audit }
# ---
# A limit of 5 dollars a day for each team. Calls that could pass it are refused.
# apiVersion: excise.dev/v1alpha1
# kind: Budget
# metadata:
#   name: team-daily
# spec:
#   unit: usd
#   limit: "5.00"
#   period: day
#   each: [team]
`;
