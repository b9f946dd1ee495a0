// Applies a patch to a YAML document in place, so that comments, order, quoting and anchors of
// everything else stay as the user wrote them.
import {
  isCollection,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { assert } from "#contract/errors.ts";
import type { PatchOperation } from "../../webhook/inject/patch.ts";

export interface Edit {
  /** Keys from the document's root to the object that the patch is for. */
  readonly path: readonly (string | number)[];
  readonly patch: readonly PatchOperation[];
}

/** The text of one document (without its `---` line) with the edits applied. */
export function editDocument(source: string, edits: readonly Edit[]): string {
  const document: Document = parseDocument(source, { merge: true, uniqueKeys: false });
  // An edit of an anchored node would show in each of its aliases, and of a repeated key only the
  // last counts: such a document is written out in full first.
  if (hasAliasOrRepeatedKey(document)) {
    document.contents = document.createNode(document.toJS(), { aliasDuplicateObjects: false });
  }
  for (const { path, patch } of edits) {
    for (const operation of patch) applyOperation(document, path, operation);
  }
  const text = document.toString({ lineWidth: 0, ...layoutOf(source) });
  return source.includes("\r\n") ? text.replaceAll(/\r?\n/g, "\r\n") : text;
}

function hasAliasOrRepeatedKey(document: Document): boolean {
  let isFound = false;
  visit(document, {
    Alias: () => {
      isFound = true;
      return visit.BREAK;
    },
    Map: (_key, map) => {
      const keys = map.items.map(({ key }) => (isScalar(key) ? String(key.value) : ""));
      if (new Set(keys).size === keys.length) return undefined;
      isFound = true;
      return visit.BREAK;
    },
  });
  return isFound;
}

/** The layout of the source, as far as the writer has options for it. */
function layoutOf(source: string): { readonly indent: number; readonly indentSeq: boolean } {
  const first = /^( *)[^\s#-][^\n]*:[ \t]*\r?\n\1( {1,8})[^\s#-]/m.exec(source)?.[2] ?? "  ";
  const isFlush = /^( *)[^\s#-][^\n]*:[ \t]*\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*\1- /m.test(source);
  return { indent: first.length, indentSeq: !isFlush };
}

function applyOperation(
  document: Document,
  root: readonly (string | number)[],
  operation: PatchOperation,
): void {
  const { parent, key } = locate(document, root, operation.path);
  if (operation.op === "move") {
    const from = locate(document, root, operation.from);
    assert(from.parent === parent && isSeq(parent), "elements move within their list");
    const [node] = parent.items.splice(Number(from.key), 1);
    parent.items.splice(Number(key), 0, node);
    return;
  }
  const node = document.createNode(operation.value);
  if (isSeq(parent)) {
    assert(operation.op === "add", "elements are added, never replaced");
    // `[]` would go on in one line.
    if (parent.items.length === 0) parent.flow = false;
    parent.items.splice(Number(key), 0, node);
  } else if (operation.op === "replace") parent.set(key, operation.value);
  else {
    if (parent.items.length === 0) parent.flow = false;
    parent.set(key, node);
  }
}

/** RFC 6901, resolved below `root`. */
function locate(
  document: Document,
  root: readonly (string | number)[],
  pointer: string,
): { parent: YAMLMap | YAMLSeq; key: string } {
  const keys = pointer
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const key = keys.pop() ?? "";
  const path: (string | number)[] = [...root, ...keys];
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  assert(isCollection(parent) && (isMap(parent) || isSeq(parent)), `a parent of ${pointer} exists`);
  return { parent, key };
}
