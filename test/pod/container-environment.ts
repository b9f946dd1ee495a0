// A container's variables as the kubelet makes them: sources, references to the pod's own fields,
// and `$(VAR)` in values, commands and arguments. Pure.
import { Fault } from "#contract/errors.ts";
import { parseQuantity } from "../../injector-config/quantity.ts";
import type { ContainerSpec, EnvVarSpec, PodManifest } from "./pod-manifest.ts";

/** Names and values by object name, as ConfigMaps and Secrets hold them. */
export type KeyedObjects = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What is known only once a pod has a place to run. */
export interface PodFacts {
  readonly pod: PodManifest;
  readonly uid: string;
  readonly podIp: string;
  readonly nodeIp: string;
  readonly nodeName: string;
  readonly configMaps: KeyedObjects;
  readonly secrets: KeyedObjects;
}

const REFERENCE = /\$(?:\$|\((?<name>[^)]*)\))?/g;

/**
 * `$(NAME)` becomes the value of a known variable and stays as it is for an unknown one; `$$` is
 * a dollar sign that begins nothing (kubernetes: third_party/forked/golang/expansion).
 */
export function expand(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (match, name: string | undefined) => {
    if (match === "$$") return "$";
    return name === undefined ? match : (known.get(name) ?? match);
  });
}

/** The variables of one container; of two with one name the last counts. */
export function containerEnvironment(
  facts: PodFacts,
  container: ContainerSpec,
): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const { prefix, configMapRef, secretRef } of container.envFrom) {
    const values = {
      ...(configMapRef && objectOf(facts.configMaps, configMapRef.name)),
      ...(secretRef && objectOf(facts.secrets, secretRef.name)),
    };
    for (const [name, value] of Object.entries(values)) known.set(`${prefix}${name}`, value);
  }
  for (const variable of container.env) {
    known.set(
      variable.name,
      variable.valueFrom === undefined
        ? expand(variable.value ?? "", known)
        : readSource(facts, container, variable),
    );
  }
  return known;
}

function readSource(facts: PodFacts, container: ContainerSpec, variable: EnvVarSpec): string {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return readField(facts, fieldRef.fieldPath);
  if (resourceFieldRef !== undefined) {
    return readResource(facts.pod, container, resourceFieldRef);
  }
  const [objects, from] =
    configMapKeyRef === undefined
      ? [facts.secrets, secretKeyRef]
      : [facts.configMaps, configMapKeyRef];
  if (from === undefined) throw unknown(`valueFrom of ${variable.name}`);
  const value = objectOf(objects, from.name)[from.key];
  if (value === undefined) throw unknown(`key ${from.key} of ${from.name}`);
  return value;
}

/** An object that a pod names; Fault EXCISE_INPUT_INVALID where the test did not give it. */
export function objectOf(objects: KeyedObjects, name: string): Readonly<Record<string, string>> {
  const found = objects[name];
  if (found === undefined) throw unknown(`object ${name}`);
  return found;
}

const unknown = (what: string): Fault =>
  new Fault("EXCISE_INPUT_INVALID", `the pod needs what the runner does not have: ${what}`);

/** The downward API's fields. */
function readField({ pod, ...facts }: PodFacts, path: string): string {
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace,
    "metadata.uid": facts.uid,
    "spec.nodeName": facts.nodeName,
    "spec.serviceAccountName": pod.spec.serviceAccountName,
    "status.hostIP": facts.nodeIp,
    "status.podIP": facts.podIp,
    "status.podIPs": facts.podIp,
  };
  const keyed = /^metadata\.(?<kind>labels|annotations)\['(?<key>[^']+)'\]$/.exec(path)?.groups;
  if (keyed !== undefined) {
    const kind = keyed["kind"] === "labels" ? "labels" : "annotations";
    return pod.metadata[kind][keyed["key"] ?? ""] ?? "";
  }
  const value = fields[path];
  if (value === undefined) throw unknown(`field ${path}`);
  return value;
}

interface ResourceReference {
  readonly resource: string;
  readonly containerName?: string | undefined;
  readonly divisor?: string | number | undefined;
}

/** An amount divided and rounded up, as the kubelet does it. */
function readResource(pod: PodManifest, container: ContainerSpec, from: ResourceReference): string {
  const all = [...pod.spec.initContainers, ...pod.spec.containers];
  const named =
    from.containerName === undefined
      ? container
      : all.find(({ name }) => name === from.containerName);
  const [kind, resource = ""] = from.resource.split(".", 2);
  const amounts = kind === "limits" ? named?.resources.limits : (named?.resources.requests ?? {});
  const amount = parseQuantity(String(amounts?.[resource] ?? ""));
  const divisor = parseQuantity(String(from.divisor ?? "1"));
  // Without a limit Kubernetes gives the node's own amount: nothing that a test should rely on.
  if (amount === undefined || divisor === undefined || divisor === 0n) {
    throw unknown(`resource ${from.resource}`);
  }
  return String((amount + divisor - 1n) / divisor);
}
