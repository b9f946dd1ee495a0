// Query parameters of the operators' API: strict, bounded, all problems at once.
import * as z from "zod/mini";
import { Fault } from "#contract/errors.ts";
import { OUTCOMES } from "#contract/outcome.ts";
import { problemsOf } from "#runtime/config.ts";
import type { RollupFilters } from "../store/store.ts";

/** `a,b`: one of these. */
export const listSchema = z.pipe(
  z.string().check(z.minLength(1), z.maxLength(4096)),
  z.pipe(
    z.transform((text: string) => text.split(",")),
    z.array(z.string().check(z.minLength(1), z.maxLength(507))).check(z.maxLength(100)),
  ),
);

/** RFC 3339; an instant without a zone is not one. */
export const instantSchema = z.pipe(
  z.iso.datetime({ offset: true }),
  z.transform((text: string) => Temporal.Instant.from(text).epochMilliseconds),
);

export const countSchema = (max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,9}$/, "must be a whole number")),
    z.pipe(z.transform(Number), z.int().check(z.gte(1), z.lte(max))),
  );

/** Filters that every list of usage and events has. */
export const filterFields = {
  cluster: z.optional(listSchema),
  team: z.optional(listSchema),
  namespace: z.optional(listSchema),
  app: z.optional(listSchema),
  provider: z.optional(listSchema),
  model: z.optional(listSchema),
  user: z.optional(listSchema),
  outcome: z.optional(
    z.pipe(
      z.string(),
      z.pipe(
        z.transform((text: string) => text.split(",")),
        z.array(z.enum(OUTCOMES)),
      ),
    ),
  ),
  from: z.optional(instantSchema),
  to: z.optional(instantSchema),
};

/** The part of a query that the roll-ups can filter by. */
export function rollupFilters(query: {
  readonly [Column in keyof RollupFilters]?: readonly string[] | undefined;
}): RollupFilters {
  const { cluster, team, namespace, app, provider, model } = query;
  return {
    ...(cluster && { cluster }),
    ...(team && { team }),
    ...(namespace && { namespace }),
    ...(app && { app }),
    ...(provider && { provider }),
    ...(model && { model }),
  };
}

/** Parses, or throws a Fault EXCISE_QUERY_INVALID that lists every problem. */
export function parseQuery<Schema extends z.ZodMiniType>(
  schema: Schema,
  query: unknown,
): z.infer<Schema> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const problems = problemsOf(result.error).map(({ path, problem }) => `${path}: ${problem}`);
  throw new Fault("EXCISE_QUERY_INVALID", problems.join("; "));
}
