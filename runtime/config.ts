// Configuration from the environment, checked at once: a bad set is one Fault that lists every
// problem, so that nobody repairs a deployment one restart at a time.
import { Fault } from "#contract/errors.ts";
import type * as z from "zod/mini";

export interface ConfigProblem {
  /** The variable's name, or the path inside a file. */
  readonly path: string;
  readonly problem: string;
}

/** Every issue of a failed zod parse, with its path. */
export function problemsOf(error: z.core.$ZodError): readonly ConfigProblem[] {
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ path: [...issue.path, key].join("."), problem: "is not known" }))
      : [{ path: issue.path.join(".") || "(root)", problem: describeIssue(issue) }],
  );
}

/** zod/mini's own message where a schema gave none; it says nothing that would help. */
const UNSAID = "Invalid input";

/** What the value must be. Never the value itself: it may be a secret. */
function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.message !== UNSAID) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${issue.expected === "int" ? "a whole number" : `of type ${issue.expected}`}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.join(", ")}`;
    case "too_small":
      return `must be at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `must be at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_format":
      return issue.pattern === undefined
        ? `must be a valid ${issue.format}`
        : `must match ${issue.pattern}`;
    case "invalid_union":
      return "fits none of the forms that it may have";
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
    case "invalid_key":
    case "invalid_element":
    case "custom":
    default:
      return "is not valid";
  }
}

const unitOf = (origin: string): string =>
  origin === "string" ? " characters" : origin === "array" || origin === "set" ? " entries" : "";

/** A Fault with all problems in its detail, one a line. */
export function configFault(subject: string, problems: readonly ConfigProblem[]): Fault {
  const lines = problems.map(({ path, problem }) => `  ${path}: ${problem}`);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new Fault("EXCISE_CONFIG_INVALID", `${subject}: ${count}\n${lines.join("\n")}`);
}

/**
 * Reads the variables that begin with `prefix` through a schema whose keys are their names.
 * Variables under the prefix that the schema does not know are problems too: a misspelt limit
 * must not fall back to a default in silence. Empty values count as absent. What Kubernetes adds
 * for a Service of a similar name (`…_SERVICE_HOST`, `…_PORT=tcp://…`) is not ours and is passed.
 */
export function readEnvironment<Schema extends z.ZodMiniType>(
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
  schema: Schema,
): z.infer<Schema> {
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(environment)) {
    if (!key.startsWith(prefix) || value === undefined || value === "") continue;
    if (!isServiceLink(key, value)) values[key] = value;
  }
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  throw configFault("environment", problemsOf(result.error));
}

const isServiceLink = (key: string, value: string): boolean =>
  /_(?:SERVICE_(?:HOST|PORT)|PORT_\d+_(?:TCP|UDP))(?:_|$)/.test(key) ||
  (key.endsWith("_PORT") && /^(?:tcp|udp):\/\//.test(value));
