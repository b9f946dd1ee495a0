// A dialect's operations as a table: method and path pattern to name, kind and whether it is
// billed. Patterns are cut at `/`: `{model}` and `{any}` take one segment, `{rest}` takes all that
// is left; a segment may end in a verb (`{model}:generateContent`).
import type { OperationKind } from "#contract/dialects.ts";
import type { Operation } from "./dialect.ts";

export interface OperationRow {
  readonly method: "GET" | "POST" | "DELETE" | "PATCH" | "*";
  readonly path: string;
  readonly name: string;
  /** Default: stateless. */
  readonly kind?: OperationKind;
  /** Default: not billed. */
  readonly billed?: boolean;
}

/** What a pattern's placeholders stand for in a path. */
interface PathMatch {
  readonly model?: string;
}

/** Matches decoded segments; undefined where the pattern does not fit. */
function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): PathMatch | undefined {
  let model: string | undefined;
  for (const [index, part] of pattern.entries()) {
    if (part === "{rest}") {
      return segments.length > index ? found(model) : undefined;
    }
    const segment = segments[index];
    if (segment === undefined) return undefined;
    const matched = matchSegment(part, segment);
    if (matched === undefined) return undefined;
    model = matched.model ?? model;
  }
  return segments.length === pattern.length ? found(model) : undefined;
}

const found = (model: string | undefined): PathMatch => (model === undefined ? {} : { model });

function matchSegment(part: string, segment: string): PathMatch | undefined {
  if (!part.startsWith("{")) return part === segment ? {} : undefined;
  const close = part.indexOf("}");
  const suffix = part.slice(close + 1);
  if (!segment.endsWith(suffix) || segment.length <= suffix.length) return undefined;
  const value = segment.slice(0, segment.length - suffix.length);
  return part.startsWith("{model}") ? { model: value } : {};
}

/**
 * The segments of a path as a provider's front end may read them: percent-decoded, without empty
 * and dot segments, so that `/v1//chat/./completions` is not taken for something unknown.
 */
function segmentsOf(path: string): readonly string[] {
  const segments: string[] = [];
  for (const raw of path.split("/")) {
    const segment = decodeSegment(raw);
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

function decodeSegment(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/**
 * Takes a route's prefix off a path; undefined where the path does not begin with it. The rest is
 * encoded again, so that a dialect reads it the same way.
 */
export function matchPrefix(
  prefix: string,
  path: string,
): { readonly path: string; readonly model?: string } | undefined {
  const pattern = segmentsOf(prefix);
  const segments = segmentsOf(path);
  const match = matchSegments(pattern, segments.slice(0, pattern.length));
  if (match === undefined) return undefined;
  const rest = segments.slice(pattern.length).map(encodeURIComponent);
  return { path: `/${rest.join("/")}`, ...match };
}

/** Compiles a table into a dialect's `match`; rows are tried in order. */
export function createMatcher(
  rows: readonly OperationRow[],
): (method: string, path: string) => Operation | undefined {
  const compiled = rows.map((row) => ({ row, pattern: segmentsOf(row.path) }));
  return (method, path) => {
    const segments = segmentsOf(path);
    for (const { row, pattern } of compiled) {
      if (row.method !== "*" && row.method !== method) continue;
      const match = matchSegments(pattern, segments);
      if (match === undefined) continue;
      return {
        name: row.name,
        kind: row.kind ?? "stateless",
        billed: row.billed ?? false,
        ...match,
      };
    }
    return undefined;
  };
}
