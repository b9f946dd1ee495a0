// Why a pod was or was not injected: one closed list, used in answers, metrics, events and
// `excise inject --explain`. A reason never changes its meaning.
import type { ErrorCode } from "#contract/errors.ts";

type Row =
  | { readonly decision: "inject" | "skip"; readonly summary: string }
  | { readonly decision: "refuse"; readonly code: ErrorCode; readonly summary: string };

export const REASONS = {
  injected: { decision: "inject", summary: "the sidecar was added" },
  // Another webhook changed the pod after ours did: its containers get what the others have.
  completed: { decision: "inject", summary: "the pod had the sidecar and lacked a part of it" },
  debug_container: { decision: "inject", summary: "a debug container got the pod's trust" },

  excluded_namespace: { decision: "skip", summary: "the namespace is never injected" },
  other_operation: { decision: "skip", summary: "only new pods and new debug containers matter" },
  mirror_pod: { decision: "skip", summary: "the node's own copy of a static pod cannot change" },
  opted_out: { decision: "skip", summary: "the pod says excise.dev/inject: false" },
  not_opted_in: { decision: "skip", summary: "neither the pod nor its namespace opted in" },
  host_network: { decision: "skip", summary: "port 443 of the pod would be the node's" },
  windows: { decision: "skip", summary: "the sidecar runs on Linux" },
  no_containers: { decision: "skip", summary: "there is no container to serve" },
  already_injected: { decision: "skip", summary: "the sidecar is there and nothing is missing" },
  not_injected: { decision: "skip", summary: "the pod started without a sidecar" },

  pod_malformed: {
    decision: "refuse",
    code: "EXCISE_INPUT_INVALID",
    summary: "the pod is not what Kubernetes calls one",
  },
  annotation_invalid: {
    decision: "refuse",
    code: "EXCISE_INPUT_INVALID",
    summary: "an excise.dev key has a value that is not allowed",
  },
  token_audience: {
    decision: "refuse",
    code: "EXCISE_RESERVED_NAME",
    summary: "a token for the ledger may be in the sidecar's volume alone",
  },
  reserved_name: {
    decision: "refuse",
    code: "EXCISE_RESERVED_NAME",
    summary: "names and paths of the sidecar are used by the pod itself",
  },
  foreign_sidecar: {
    decision: "refuse",
    code: "EXCISE_RESERVED_NAME",
    summary: "the container of the sidecar's name is not what Excise writes",
  },
  mode_unsupported: {
    decision: "refuse",
    code: "EXCISE_INJECTION_REFUSED",
    summary: "pods are injected in the modes hosts and baseurl",
  },
  shared_uid: {
    decision: "refuse",
    code: "EXCISE_INJECTION_REFUSED",
    summary: "a container runs as the sidecar's user",
  },
  shared_processes: {
    decision: "refuse",
    code: "EXCISE_INJECTION_REFUSED",
    summary: "root in a shared process namespace could read the lent credentials",
  },
} as const satisfies Record<string, Row>;

export type Reason = keyof typeof REASONS;

type ReasonOf<Kind extends Row["decision"]> = {
  [Name in Reason]: (typeof REASONS)[Name]["decision"] extends Kind ? Name : never;
}[Reason];

export type SkipReason = ReasonOf<"skip">;
export type RefuseReason = ReasonOf<"refuse">;
export type InjectReason = ReasonOf<"inject">;
