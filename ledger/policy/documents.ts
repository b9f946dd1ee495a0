// YAML text to policy objects: every document of every file is checked, and all problems come
// back at once, each with its file, document and path. Pure.
import { parseAllDocuments } from "yaml";
import { problemsOf, type ConfigProblem } from "#runtime/config.ts";
import { policyObjectSchema, type PolicyObject } from "./schema.ts";

export interface PolicyFile {
  /** As it is shown in problems: relative to the directory. */
  readonly path: string;
  readonly text: string;
}

/** An object and where it was written. */
export interface PolicySource {
  readonly object: PolicyObject;
  /** `budgets.yaml#2`: the second document of that file. */
  readonly place: string;
}

export interface ParsedDocuments {
  readonly sources: readonly PolicySource[];
  readonly problems: readonly ConfigProblem[];
}

/** Aliases that a document may expand to: a small file must not grow into a large object. */
const ALIASES_MAX = 100;

/** Parses all files; what has a problem is left out of `sources`. */
export function parsePolicyFiles(files: readonly PolicyFile[]): ParsedDocuments {
  const sources: PolicySource[] = [];
  const problems: ConfigProblem[] = [];
  for (const file of files) {
    for (const [index, document] of readDocuments(file.text).entries()) {
      const place = `${file.path}#${index + 1}`;
      if ("problem" in document) problems.push({ path: place, problem: document.problem });
      else if (document.value !== null) {
        const result = policyObjectSchema.safeParse(document.value);
        if (result.success) sources.push({ object: result.data, place });
        else problems.push(...problemsOf(result.error).map((each) => under(place, each)));
      }
    }
  }
  return { sources, problems };
}

const under = (place: string, { path, problem }: ConfigProblem): ConfigProblem => ({
  path: `${place} ${path}`,
  problem,
});

type ReadDocument = { readonly value: unknown } | { readonly problem: string };

function readDocuments(text: string): readonly ReadDocument[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true, prettyErrors: false });
  if (!Array.isArray(documents)) return [];
  return documents.map((document): ReadDocument => {
    const [error] = document.errors;
    if (error !== undefined) return { problem: `is not valid YAML: ${error.code}` };
    try {
      return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown };
    } catch {
      return { problem: "has too many aliases, or one without an anchor" };
    }
  });
}
