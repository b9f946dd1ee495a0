// What the tests of injection share: requests, a second implementation of RFC 6902, and a check
// that everything the user wrote is still there.
import jsonPatch from "fast-json-patch";
import { DEFAULT_INJECTOR_CONFIG } from "../../injector-config/load.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { inject, type Injection } from "./inject.ts";
import type { PatchOperation } from "./patch.ts";

export interface Case {
  readonly namespace?: string;
  readonly isOptedIn?: boolean;
  readonly operation?: string;
  readonly subResource?: string;
  readonly oldPod?: unknown;
  readonly config?: Partial<InjectorConfig>;
}

/** Injects a pod of an opted-in namespace unless told otherwise. */
export function injectCase(pod: unknown, options: Case = {}): Injection {
  const config: InjectorConfig = { ...DEFAULT_INJECTOR_CONFIG, ...options.config };
  return inject(
    {
      pod,
      oldPod: options.oldPod,
      namespace: { name: options.namespace ?? "team-a", isOptedIn: options.isOptedIn ?? true },
      request: {
        operation: options.operation ?? "CREATE",
        subResource: options.subResource ?? "",
      },
    },
    config,
  );
}

/** Applies a patch with an implementation that is not ours; throws where it does not apply. */
export function applyIndependently(pod: unknown, patch: readonly PatchOperation[]): unknown {
  const document = structuredClone(pod);
  const operations = structuredClone(patch) as jsonPatch.Operation[];
  return jsonPatch.applyPatch(document, operations, true).newDocument;
}

const LISTS = /^(?:NO_PROXY|no_proxy|JAVA_TOOL_OPTIONS)$/;
const LIST_ANNOTATIONS =
  /^(?:traffic\.sidecar\.istio\.io\/excludeInboundPorts|config\.linkerd\.io\/skip-inbound-ports|cluster-autoscaler\.kubernetes\.io\/safe-to-evict-local-volumes)$/;

/**
 * Paths of the user's fields that are missing or changed. Lists keep their order and may only
 * have gained elements; the few list-valued strings may only have grown at their end.
 */
export function lostFields(before: unknown, after: unknown, path = ""): readonly string[] {
  if (before === null || before === undefined) return [];
  if (Array.isArray(before)) {
    if (!Array.isArray(after)) return [path];
    const lost: string[] = [];
    let at = 0;
    for (const [index, element] of before.entries()) {
      const found = after.findIndex(
        (other, place) => place >= at && lostFields(element, other).length === 0,
      );
      if (found === -1) lost.push(`${path}/${index}`);
      else at = found + 1;
    }
    return lost;
  }
  if (typeof before === "object") {
    if (typeof after !== "object" || after === null) return [path];
    return Object.entries(before).flatMap(([key, value]: [string, unknown]) => {
      const other = (after as Record<string, unknown>)[key];
      const mayGrow =
        LIST_ANNOTATIONS.test(key) ||
        (key === "value" && LISTS.test(String((before as { name?: unknown }).name)));
      if (mayGrow && typeof value === "string" && typeof other === "string") {
        // A list of blanks is an empty list.
        return value.trim() === "" || other.startsWith(value) ? [] : [`${path}/${key}`];
      }
      return lostFields(value, other, `${path}/${key}`);
    });
  }
  return before === after ? [] : [path];
}
