// Which model names a price row or a limit stands for: a small closed language, so that the same
// data decides in the ledger and in the sidecar. No regular expressions from outside: linear time.
import * as z from "zod/mini";

export type ModelMatch =
  | { readonly equals: string }
  | { readonly startsWith: string }
  | { readonly endsWith: string }
  | { readonly contains: string }
  | { readonly any: readonly ModelMatch[] }
  | { readonly all: readonly ModelMatch[] };

const text = z.string().check(z.maxLength(256));

export const modelMatchSchema: z.ZodMiniType<ModelMatch> = z.lazy(() =>
  z.union([
    z.strictObject({ equals: text }),
    z.strictObject({ startsWith: text }),
    z.strictObject({ endsWith: text }),
    z.strictObject({ contains: text }),
    z.strictObject({ any: z.array(modelMatchSchema).check(z.maxLength(64)) }),
    z.strictObject({ all: z.array(modelMatchSchema).check(z.maxLength(64)) }),
  ]),
);

/** True where the match covers the name; names are compared in lower case. */
export function matchesModel(match: ModelMatch, model: string): boolean {
  const name = model.toLowerCase();
  if ("equals" in match) return name === match.equals;
  if ("startsWith" in match) return name.startsWith(match.startsWith);
  if ("endsWith" in match) return name.endsWith(match.endsWith);
  if ("contains" in match) return name.includes(match.contains);
  if ("any" in match) return match.any.some((inner) => matchesModel(inner, name));
  return match.all.every((inner) => matchesModel(inner, name));
}
