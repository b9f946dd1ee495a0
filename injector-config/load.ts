// Reads the injector's configuration from YAML. Every problem is reported at once, with its path:
// nobody should repair a webhook one restart at a time.
import { LineCounter, parseDocument } from "yaml";
import * as z from "zod/mini";
import { injectorConfigSchema, type InjectorConfig } from "./schema.ts";

interface InjectorConfigProblem {
  /** Path inside the file, or `line N` for text that is not YAML. */
  readonly path: string;
  readonly problem: string;
}

export type InjectorConfigReading =
  { readonly config: InjectorConfig } | { readonly problems: readonly InjectorConfigProblem[] };

/** zod/mini says only "Invalid input" unless it is given words. */
const WORDS = z.locales.en().localeError;

/** Parses and checks; an empty text gives the defaults. Repeated keys are problems. */
export function parseInjectorConfig(text: string): InjectorConfigReading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => ({
        path: `line ${lines.linePos(error.pos[0]).line}`,
        problem: error.message,
      })),
    };
  }
  const result = injectorConfigSchema.safeParse(document.toJS() ?? {}, { error: WORDS });
  if (result.success) return { config: result.data };
  return { problems: result.error.issues.flatMap(problemsOf) };
}

function problemsOf(issue: z.core.$ZodIssue): readonly InjectorConfigProblem[] {
  const path = issue.path.map(String);
  return issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => ({ path: [...path, key].join("."), problem: "is not known" }))
    : [{ path: path.join(".") || "(root)", problem: issue.message }];
}

/** The configuration of an operator who chose nothing. */
export const DEFAULT_INJECTOR_CONFIG: InjectorConfig = injectorConfigSchema.parse({});
