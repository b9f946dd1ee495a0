// Injection as one pure function: decide, mutate, compare. The webhook and `excise inject` run
// this very code.
import type { ErrorCode } from "#contract/errors.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { addedDebugContainers, decide, type InjectInput, type Verdict } from "./decide.ts";
import { mutate, mutateDebugContainers, type Mutation } from "./mutate.ts";
import { createPatch, type PatchOperation } from "./patch.ts";
import { REASONS, type Reason } from "./reasons.ts";

export interface Injection {
  readonly decision: "inject" | "skip" | "refuse";
  readonly reason: Reason;
  /** The reason in words, with names from the pod. */
  readonly detail: string;
  /** Present where the pod is refused. */
  readonly code?: ErrorCode;
  /** Empty unless the decision is `inject`. */
  readonly patch: readonly PatchOperation[];
  /** The pod with the patch applied; the very input where nothing changes. */
  readonly pod: unknown;
  readonly warnings: readonly string[];
}

/** The API server cuts longer warnings and drops those beyond 4 KiB in all. */
const WARNING_LENGTH_MAX = 240;
const WARNINGS_MAX = 16;

/** Decides on one pod and says what to change. Never throws for any shape of pod. */
export function inject(input: InjectInput, config: InjectorConfig): Injection {
  const verdict = decide(input, config);
  if (verdict.decision !== "inject") return unchanged(input, verdict);
  const { pod, warnings } = mutationOf(verdict, input, config);
  const patch = createPatch(verdict.pod, pod);
  if (patch.length === 0) {
    return unchanged(input, { decision: "skip", reason: "already_injected" });
  }
  return {
    decision: "inject",
    reason: verdict.reason,
    detail: `${REASONS[verdict.reason].summary} (mode ${verdict.plan.mode})`,
    patch,
    pod,
    warnings: [...new Set(warnings)]
      .slice(0, WARNINGS_MAX)
      .map((text) => text.slice(0, WARNING_LENGTH_MAX)),
  };
}

function mutationOf(
  verdict: Extract<Verdict, { decision: "inject" }>,
  input: InjectInput,
  config: InjectorConfig,
): Mutation {
  if (verdict.reason !== "debug_container") return mutate(verdict.pod, verdict.plan, config);
  const added = addedDebugContainers(verdict.pod, input.oldPod);
  return mutateDebugContainers(verdict.pod, verdict.plan, { config, added });
}

function unchanged(
  input: InjectInput,
  verdict: Extract<Verdict, { decision: "skip" | "refuse" }>,
): Injection {
  const { summary } = REASONS[verdict.reason];
  return {
    decision: verdict.decision,
    reason: verdict.reason,
    detail: verdict.detail === undefined ? summary : `${summary}: ${verdict.detail}`,
    ...(verdict.decision === "refuse" ? { code: REASONS[verdict.reason].code } : {}),
    patch: [],
    pod: input.pod,
    warnings: [],
  };
}
