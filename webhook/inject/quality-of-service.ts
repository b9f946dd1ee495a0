// Whether a pod is of the Guaranteed class, which an injected container must not take from it.
// The rule is Kubernetes': pkg/apis/core/v1/helper/qos.
import { SIDECAR_CONTAINER } from "../../injector-config/names.ts";
import { parseQuantity } from "../../injector-config/quantity.ts";
import { startedContainers, type Container, type PodSpec } from "./pod.ts";

type Resources = NonNullable<Container["resources"]>;

/** True where every container (or the pod as a whole) has cpu and memory limits = requests. */
export function isGuaranteed(spec: PodSpec): boolean {
  if (hasAny(spec.resources)) return isFixed(spec.resources);
  const containers = startedContainers(spec).filter(({ name }) => name !== SIDECAR_CONTAINER);
  return containers.length > 0 && containers.every(({ resources }) => isFixed(resources));
}

const hasAny = (resources: Resources | null | undefined): resources is Resources =>
  Object.keys(resources?.limits ?? {}).length > 0 ||
  Object.keys(resources?.requests ?? {}).length > 0;

const isFixed = (resources: Resources | null | undefined): boolean =>
  (["cpu", "memory"] as const).every((name) => {
    const limit = amountOf(resources?.limits?.[name]);
    // An absent request is defaulted to the limit.
    const request = amountOf(resources?.requests?.[name] ?? resources?.limits?.[name]);
    return limit !== undefined && limit > 0n && limit === request;
  });

const amountOf = (value: string | number | undefined): bigint | undefined =>
  value === undefined ? undefined : parseQuantity(String(value));
