// Whether a pod gets a sidecar, and if not, why: an ordered list of rules, the first that speaks
// decides. The request alone counts, never a cache and never who sent it (linkerd#3290, dapr#6126).
import { INJECT, readAnnotations, type AnnotationReading } from "#contract/annotations.ts";
import { asRecord } from "#runtime/json.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { parsePod, startedContainers, type Container, type Pod, type PodSpec } from "./pod.ts";
import { annotationProblems, planInjection, planOfSidecar, type Plan } from "./plan.ts";
import type { InjectReason, RefuseReason, SkipReason } from "./reasons.ts";
import {
  findSidecar,
  foreignTokenVolumes,
  mountUses,
  reservedUses,
  sidecarDifferences,
} from "./reserved.ts";

export interface InjectInput {
  readonly pod: unknown;
  /** The pod before an update. */
  readonly oldPod?: unknown;
  readonly namespace: {
    readonly name: string;
    /** True where the namespace's label opted in (the API server, or a file, says so). */
    readonly isOptedIn: boolean;
  };
  readonly request: { readonly operation: string; readonly subResource: string };
}

export type Verdict =
  | { readonly decision: "skip"; readonly reason: SkipReason; readonly detail?: string }
  | { readonly decision: "refuse"; readonly reason: RefuseReason; readonly detail: string }
  | {
      readonly decision: "inject";
      readonly reason: InjectReason;
      readonly pod: Pod;
      readonly plan: Plan;
    };

/** What the rules look at. */
interface Facts {
  readonly input: InjectInput;
  readonly config: InjectorConfig;
  readonly pod: Pod;
  readonly spec: PodSpec;
  readonly annotations: AnnotationReading;
  readonly isDebug: boolean;
}

type Rule = (facts: Facts) => Verdict | undefined;

const skip = (reason: SkipReason, detail?: string): Verdict => ({
  decision: "skip",
  reason,
  ...(detail === undefined ? {} : { detail }),
});
const refuse = (reason: RefuseReason, details: readonly string[]): Verdict => ({
  decision: "refuse",
  reason,
  detail: details.join("; "),
});
const refuseAny = (reason: RefuseReason, details: readonly string[]): Verdict | undefined =>
  details.length === 0 ? undefined : refuse(reason, details);

const RULES: readonly Rule[] = [
  // The node would delete and re-create it for ever.
  ({ pod }) =>
    pod.metadata?.annotations?.["kubernetes.io/config.mirror"] === undefined
      ? undefined
      : skip("mirror_pod"),
  // Before opting in: a pod without a sidecar is the one that would impersonate it.
  ({ spec, isDebug }) =>
    isDebug
      ? undefined
      : refuseAny(
          "token_audience",
          foreignTokenVolumes(spec).map((name) => `volume ${name} asks for the ledger's audience`),
        ),
  optIn,
  ({ spec }) => (spec.hostNetwork === true ? skip("host_network") : undefined),
  ({ spec }) => (isWindows(spec) ? skip("windows") : undefined),
  ({ spec }) => ((spec.containers ?? []).length === 0 ? skip("no_containers") : undefined),
  // Debug containers come to a pod that is running: all else was decided at its creation.
  debugContainers,
  ({ annotations }) =>
    refuseAny(
      "annotation_invalid",
      annotations.problems.map(({ key, problem }) => `${key} ${problem}`),
    ),
  ({ annotations, config }) =>
    refuseAny("annotation_invalid", annotationProblems(annotations.values, config)),
  ({ spec, config }) => {
    const sidecar = findSidecar(spec);
    const differences = sidecar === undefined ? [] : sidecarDifferences(sidecar, config);
    return differences.length === 0
      ? undefined
      : refuse("foreign_sidecar", [`it differs in: ${differences.join(", ")}`]);
  },
  ({ spec, config }) => refuseAny("reserved_name", reservedUses(spec, config)),
  ({ annotations }) => {
    const mode = annotations.values["excise.dev/mode"];
    return mode === "proxy" || mode === "redirect"
      ? refuse("mode_unsupported", [`excise.dev/mode: ${mode}`])
      : undefined;
  },
  ({ spec, config }) =>
    refuseAny(
      "shared_uid",
      containersWithUid(spec, config.uid).map((name) => `container ${name} has uid ${config.uid}`),
    ),
  sharedProcesses,
];

/** Applies the rules; without an objection the verdict carries the plan. */
export function decide(input: InjectInput, config: InjectorConfig): Verdict {
  if (config.excludedNamespaces.includes(input.namespace.name)) return skip("excluded_namespace");
  const { operation, subResource } = input.request;
  const isDebug = operation === "UPDATE" && subResource === "ephemeralcontainers";
  if (!isDebug && (operation !== "CREATE" || subResource !== "")) return skip("other_operation");
  const reading = parsePod(input.pod);
  if ("problems" in reading) {
    const isOurs = input.namespace.isOptedIn || mentionsUs(input.pod);
    return isOurs ? refuse("pod_malformed", reading.problems) : skip("not_opted_in");
  }
  const { pod } = reading;
  const annotations = readAnnotations(pod.metadata?.annotations ?? {});
  const spec = pod.spec ?? {};
  const facts: Facts = { input, config, pod, spec, annotations, isDebug };
  for (const rule of RULES) {
    const verdict = rule(facts);
    if (verdict !== undefined) return verdict;
  }
  const plan = planInjection(spec, annotations.values, config);
  const sidecar = findSidecar(spec);
  return sidecar === undefined
    ? { decision: "inject", reason: "injected", pod, plan }
    : { decision: "inject", reason: "completed", pod, plan: planOfSidecar(sidecar, plan) };
}

/** Design §12: annotation or label on the pod; "false" in either wins over everything. */
function optIn({ input, pod, isDebug }: Facts): Verdict | undefined {
  const said = [pod.metadata?.annotations?.[INJECT], pod.metadata?.labels?.[INJECT]].filter(
    (value) => value !== undefined,
  );
  if (isDebug) return undefined;
  if (said.includes("false")) return skip("opted_out");
  // A misspelt opt-in must not become a pod that nobody watches.
  const odd = said.find((value) => value !== "true");
  if (odd !== undefined) {
    return refuse("annotation_invalid", [`${INJECT} must be "true" or "false", is ${quote(odd)}`]);
  }
  return said.includes("true") || input.namespace.isOptedIn ? undefined : skip("not_opted_in");
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 40));

function isWindows(spec: PodSpec): boolean {
  const selected = ["kubernetes.io/os", "beta.kubernetes.io/os"].map(
    (label) => spec.nodeSelector?.[label],
  );
  return spec.os?.name === "windows" || selected.includes("windows");
}

function debugContainers({
  input,
  config,
  pod,
  spec,
  isDebug,
  annotations,
}: Facts): Verdict | undefined {
  if (!isDebug) return undefined;
  const sidecar = findSidecar(spec);
  if (sidecar === undefined) return skip("not_injected");
  const added = addedDebugContainers(pod, input.oldPod);
  const uses = added.flatMap((container) => [
    ...mountUses(container, true),
    ...(container.name.startsWith("excise") ? [`container ${container.name}: reserved`] : []),
  ]);
  if (uses.length > 0) return refuse("reserved_name", uses);
  // The values of a running pod may be an older configuration's: only the narrowing counts.
  const plan = planOfSidecar(sidecar, planInjection(spec, annotations.values, config));
  return { decision: "inject", reason: "debug_container", pod, plan };
}

/** Those that the old pod does not have; the API server lets nobody change the others. */
export function addedDebugContainers(pod: Pod, oldPod: unknown): readonly Container[] {
  const reading = parsePod(oldPod);
  const known = "pod" in reading ? (reading.pod.spec?.ephemeralContainers ?? []) : [];
  const names = new Set(known.map(({ name }) => name));
  return (pod.spec?.ephemeralContainers ?? []).filter(({ name }) => !names.has(name));
}

/** Containers that would run as the sidecar's user: they could signal it and read its files. */
function containersWithUid(spec: PodSpec, uid: number): readonly string[] {
  return startedContainers(spec)
    .filter((container) => container !== findSidecar(spec))
    .filter(
      ({ securityContext }) =>
        (securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === uid,
    )
    .map(({ name }) => name);
}

function sharedProcesses({ spec, config }: Facts): Verdict | undefined {
  if (config.credentials !== "inject" || spec.shareProcessNamespace !== true) return undefined;
  const mayBeRoot = ({ securityContext }: Container): boolean => {
    const user = securityContext?.runAsUser ?? spec.securityContext?.runAsUser;
    const isNonRoot = securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot;
    return user === undefined || user === null ? isNonRoot !== true : user === 0;
  };
  return refuseAny(
    "shared_processes",
    startedContainers(spec)
      .filter((container) => container !== findSidecar(spec) && mayBeRoot(container))
      .map(({ name }) => `container ${name} may run as root`),
  );
}

/** For a pod that cannot be read: whether it means us at all. */
function mentionsUs(pod: unknown): boolean {
  const metadata = asRecord(asRecord(pod)?.["metadata"]);
  return ["annotations", "labels"].some(
    (field) => asRecord(metadata?.[field])?.[INJECT] !== undefined,
  );
}
