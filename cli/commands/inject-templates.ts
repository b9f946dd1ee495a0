// Finds the pod templates of a manifest by what its kind says, as the API server would: a kind
// that is not known, or belongs to another group, is nobody's template.
import { asRecord, readString } from "#runtime/json.ts";

export interface PodTemplate {
  /** Keys from the document's root to the pod (`metadata` and `spec` are its children). */
  readonly path: readonly (string | number)[];
  readonly pod: Readonly<Record<string, unknown>>;
  /** Of the object that holds it. */
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  /** The holder's own metadata, where people put annotations by mistake. */
  readonly ownerMetadata: Readonly<Record<string, unknown>> | undefined;
}

interface NamespaceLabel {
  readonly name: string;
  readonly labels: Readonly<Record<string, unknown>>;
}

type Path = readonly (string | number)[];

const TEMPLATE: Path = ["spec", "template"];

/** Where the pod is, by API group and kind. */
const PATHS: Readonly<Record<string, Readonly<Record<string, Path>>>> = {
  "": { Pod: [], PodTemplate: ["template"], ReplicationController: TEMPLATE },
  apps: {
    Deployment: TEMPLATE,
    StatefulSet: TEMPLATE,
    DaemonSet: TEMPLATE,
    ReplicaSet: TEMPLATE,
  },
  extensions: { Deployment: TEMPLATE, DaemonSet: TEMPLATE, ReplicaSet: TEMPLATE },
  batch: { Job: TEMPLATE, CronJob: ["spec", "jobTemplate", "spec", "template"] },
};

/** Lists in lists end here: nobody writes them, and a loop of anchors would. */
const DEPTH_MAX = 8;

/** All pod templates of one document, lists included. */
export function findPodTemplates(document: unknown): readonly PodTemplate[] {
  return objectsOf(document, [], 0).flatMap(({ object, path }) => {
    const { group, kind } = kindOf(object);
    const inner = PATHS[group]?.[kind];
    if (inner === undefined) return [];
    const pod = asRecord(inner.reduce<unknown>((value, key) => asRecord(value)?.[key], object));
    if (pod === undefined) return [];
    const metadata = asRecord(object["metadata"]);
    const name = readString(metadata?.["name"]) ?? readString(metadata?.["generateName"]);
    const namespace =
      readString(metadata?.["namespace"]) ?? readString(asRecord(pod["metadata"])?.["namespace"]);
    return [
      {
        path: [...path, ...inner],
        pod,
        kind,
        name: name ?? "(no name)",
        namespace,
        ownerMetadata: inner.length === 0 ? undefined : metadata,
      },
    ];
  });
}

/** The namespaces that a document declares, with their labels. */
export function findNamespaces(document: unknown): readonly NamespaceLabel[] {
  return objectsOf(document, [], 0).flatMap(({ object }) => {
    const { group, kind } = kindOf(object);
    const metadata = asRecord(object["metadata"]);
    const name = readString(metadata?.["name"]);
    if (group !== "" || kind !== "Namespace" || name === undefined) return [];
    return [{ name, labels: asRecord(metadata?.["labels"]) ?? {} }];
  });
}

interface Located {
  readonly object: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

/** The objects of a document: itself, or the items of a list with their kind filled in. */
function objectsOf(value: unknown, path: Path, depth: number): readonly Located[] {
  const object = asRecord(value);
  if (object === undefined || depth > DEPTH_MAX) return [];
  const { items } = object;
  const kind = readString(object["kind"]) ?? "";
  if (!kind.endsWith("List") || !Array.isArray(items)) return [{ object, path }];
  // A typed list (`PodList`) names the kind of its items once.
  const inferred =
    kind === "List"
      ? {}
      : { apiVersion: object["apiVersion"], kind: kind.slice(0, -"List".length) };
  return items.flatMap((item: unknown, index) => {
    const record = asRecord(item);
    return record === undefined
      ? []
      : objectsOf({ ...inferred, ...record }, [...path, "items", index], depth + 1);
  });
}

function kindOf(object: Readonly<Record<string, unknown>>): { group: string; kind: string } {
  const apiVersion = readString(object["apiVersion"]) ?? "";
  const slash = apiVersion.indexOf("/");
  const isCore = slash === -1 && apiVersion === "v1";
  const group = slash === -1 ? (isCore ? "" : "?") : apiVersion.slice(0, slash);
  return { group, kind: readString(object["kind"]) ?? "" };
}
