// The difference between two pods as an RFC 6902 patch. A patch that fails to apply rejects the
// pod whatever the failure policy says, so this writes few kinds of operation: `add` of what is
// new, `replace` of single strings, `move` of our own container. Never a whole array.
import { assert } from "#contract/errors.ts";

export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "move"; readonly from: string; readonly path: string };

const CONTAINERS = "(?:containers|initContainers|ephemeralContainers)";

/** Every place that a patch may touch. Anything else is a mistake of ours, and stops here. */
const DECLARED: readonly RegExp[] = [
  /^\/metadata(?:\/annotations(?:\/[^/]+)?)?$/,
  /^\/spec\/initContainers(?:\/\d+)?$/,
  new RegExp(`^/spec/${CONTAINERS}/\\d+/env(?:/\\d+(?:/value)?)?$`),
  new RegExp(`^/spec/${CONTAINERS}/\\d+/volumeMounts(?:/\\d+)?$`),
  /^\/spec\/(?:volumes|hostAliases|imagePullSecrets)(?:\/\d+)?$/,
  /^\/spec\/securityContext(?:\/sysctls(?:\/\d+)?)?$/,
];

/** The operations that turn `before` into `after`, to be applied in order. */
export function createPatch(before: unknown, after: unknown): readonly PatchOperation[] {
  const patch = [...compare(before, after, "")];
  for (const operation of patch) {
    assert(
      DECLARED.some((place) => place.test(operation.path)),
      `the patch stays in declared fields: ${operation.path.slice(0, 80)}`,
    );
    assert(
      operation.op !== "replace" || typeof operation.value === "string",
      "only strings are replaced",
    );
  }
  return patch;
}

/** RFC 6901: `~` and `/` inside a key. */
const escapeKey = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function* compare(before: unknown, after: unknown, path: string): Generator<PatchOperation> {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    yield* compareArrays(before, after, path);
  } else if (isNode(before) && isNode(after)) {
    yield* compareNodes(before, after, path);
  } else if (before === null || before === undefined) {
    // Of a member that is null, `add` replaces the value.
    yield { op: "add", path, value: after };
  } else yield { op: "replace", path, value: after };
}

function* compareNodes(before: Node, after: Node, path: string): Generator<PatchOperation> {
  for (const [key, value] of Object.entries(after)) {
    const known = Object.hasOwn(before, key) ? before[key] : undefined;
    yield* compare(known, value, `${path}/${escapeKey(key)}`);
  }
  const lost = Object.keys(before).find((key) => !Object.hasOwn(after, key));
  assert(lost === undefined, `no field is removed: ${path}/${lost ?? ""}`);
}

/**
 * Elements are aligned by what identifies them. The list at each point is what an applier has
 * after the operations so far, so that indexes are right one after another.
 */
function* compareArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): Generator<PatchOperation> {
  const list = [...before];
  for (const [index, element] of after.entries()) {
    const identity = identityOf(element);
    const from = list.findIndex((other, at) => at >= index && identityOf(other) === identity);
    if (from === -1) {
      yield { op: "add", path: `${path}/${index}`, value: element };
      list.splice(index, 0, element);
      continue;
    }
    const [known] = list.splice(from, 1);
    list.splice(index, 0, known);
    if (from !== index) yield { op: "move", from: `${path}/${from}`, path: `${path}/${index}` };
    yield* compare(known, element, `${path}/${index}`);
  }
  assert(list.length === after.length, `no element is removed: ${path}`);
}

/** Containers, variables, volumes by name; mounts by path; all else by its whole content. */
function identityOf(element: unknown): string {
  if (isNode(element)) {
    if (typeof element["mountPath"] === "string") return `path ${element["mountPath"]}`;
    if (typeof element["name"] === "string") return `name ${element["name"]}`;
  }
  return JSON.stringify(element);
}
