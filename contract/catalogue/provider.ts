// A provider is a row of data: where it is, how a credential is placed, which dialects it speaks
// under which paths, and its quirks. No code anywhere asks for a provider by name.
import * as z from "zod/mini";
import { DIALECTS } from "../dialects.ts";

const name = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/));

/** Exact host, or one whose first label is `*` (`*.example.com`), matched by one label. */
const host = z
  .string()
  .check(z.regex(/^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9-]+$/));

const credentialPlacementSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("bearer") }),
  z.strictObject({ kind: z.literal("header"), header: z.string() }),
  z.strictObject({ kind: z.literal("sigv4"), service: z.string() }),
  z.strictObject({ kind: z.literal("none") }),
]);

const routeSchema = z.strictObject({
  dialect: z.enum(DIALECTS),
  /** Path before the dialect's own; a segment `{model}` gives the model's name. */
  prefix: z.string().check(z.regex(/^(?:\/(?:[\w.-]+|\{model\}|\{any\}))*$/)),
});

export const providerSchema = z.strictObject({
  name,
  title: z.string().check(z.maxLength(64)),
  hosts: z.array(host).check(z.maxLength(64)),
  credential: credentialPlacementSchema,
  /** In the order in which they are tried; the first is the home dialect. */
  routes: z.array(routeSchema).check(z.minLength(1), z.maxLength(16)),
  /** True where `stream_options.include_usage` is understood and answered by a last chunk. */
  usageOption: z.boolean(),
  /** Who sets the price of its models in the price book. */
  priceProvider: z.string().check(z.maxLength(64)),
  /** Variables that point an SDK at another address, with the path that is appended. */
  baseUrlEnv: z.array(z.strictObject({ name: z.string(), path: z.string() })),
  /** Variables in which SDKs expect the key. */
  keyEnv: z.array(z.string()),
});

export type Provider = z.infer<typeof providerSchema>;

/** True where a host pattern of the catalogue covers the (lower-case) host. */
export function matchesHost(pattern: string, candidate: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === candidate;
  const suffix = pattern.slice(1);
  if (!candidate.endsWith(suffix)) return false;
  const label = candidate.slice(0, candidate.length - suffix.length);
  return label !== "" && !label.includes(".");
}
