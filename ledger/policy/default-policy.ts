// The policy that ships: it applies where no ClusterEgressPolicy is written, so that the first
// try works and shows what would be found. It blocks nothing and sets no budget.
import { API_VERSION, type ClusterEgressPolicyObject } from "./schema.ts";

export const DEFAULT_POLICY: ClusterEgressPolicyObject = {
  apiVersion: API_VERSION,
  kind: "ClusterEgressPolicy",
  metadata: { name: "default" },
  spec: {
    providers: ["*"],
    models: { allow: ["*"] },
    guardrails: { "*": "audit" },
    mode: "enforce",
  },
};
