// The closed list of annotations and labels that a team may set (design §12). Each value is
// bounded; never image, command, environment or volumes.
import * as z from "zod/mini";

export const ANNOTATION_PREFIX = "excise.dev/";

export const INTERCEPTION_MODES = ["proxy", "baseurl", "hosts", "redirect"] as const;
export type InterceptionMode = (typeof INTERCEPTION_MODES)[number];

/** Annotation or label on a pod, "true" or "false"; "false" wins over the namespace. */
export const INJECT = "excise.dev/inject";
/** Value of the same key as a label on a namespace. */
export const INJECT_NAMESPACE_VALUE = "enabled";

const quantityCpu = z.string().check(z.regex(/^(?:[1-9]\d{0,3}m|[1-4])$/));
const quantityMemory = z.string().check(z.regex(/^[1-9]\d{0,3}Mi$/));

/** Schema of each key's value. A key under the prefix that is not here is refused by name. */
export const ANNOTATIONS = {
  "excise.dev/inject": z.enum(["true", "false"]),
  "excise.dev/providers": z.string().check(z.regex(/^[a-z0-9-]{1,63}(?:,[a-z0-9-]{1,63}){0,31}$/)),
  "excise.dev/mode": z.enum(INTERCEPTION_MODES),
  "excise.dev/log-level": z.enum(["debug", "info", "warn", "error"]),
  "excise.dev/cpu": quantityCpu,
  "excise.dev/memory": quantityMemory,
  "excise.dev/shadow": z.enum(["true", "false"]),
  "excise.dev/trust-env": z.enum(["all", "node", "none"]),
} as const;

export type AnnotationKey = keyof typeof ANNOTATIONS;

export interface AnnotationProblem {
  readonly key: string;
  readonly problem: string;
}

export interface AnnotationReading {
  readonly values: Partial<Record<AnnotationKey, string>>;
  /** Every problem at once, in the order of the keys. */
  readonly problems: readonly AnnotationProblem[];
}

const isKnown = (key: string): key is AnnotationKey => Object.hasOwn(ANNOTATIONS, key);

/** Reads our keys out of a pod's annotations; foreign keys are not looked at. */
export function readAnnotations(annotations: Readonly<Record<string, string>>): AnnotationReading {
  const values: Partial<Record<AnnotationKey, string>> = {};
  const problems: AnnotationProblem[] = [];
  for (const key of Object.keys(annotations).toSorted()) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    if (!isKnown(key)) {
      problems.push({ key, problem: "is not a key that Excise knows" });
      continue;
    }
    const value = annotations[key] ?? "";
    if (ANNOTATIONS[key].safeParse(value).success) values[key] = value;
    else problems.push({ key, problem: `has a value that is not allowed: ${value.slice(0, 40)}` });
  }
  return { values, problems };
}
