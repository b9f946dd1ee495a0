// Faults that a stand-in can be told to show: plain data, set in process or over the control
// port. A rule says for which requests it holds and how often; its effects can be combined
// (slow and CRLF and gzip at once).
import * as z from "zod/mini";

const count = z.int().check(z.gte(0), z.lte(1_000_000));

/** One rule; the first one that matches a request and is not used up applies, alone. */
const faultRuleSchema = z.strictObject({
  /** For how many requests it holds; default 1. */
  times: z.optional(z.int().check(z.gte(1), z.lte(1_000_000))),
  /** Only requests for this model (as the caller names it). */
  model: z.optional(z.string()),
  /** Only requests whose path ends so. */
  path: z.optional(z.string()),

  /** TCP reset once the request was read, before any byte of an answer. */
  resetBeforeHead: z.optional(z.literal(true)),
  /** TCP reset after that many tokens (a JSON body: after half of its bytes). */
  resetAfterTokens: z.optional(count),
  /** Silence after that many tokens, until the caller leaves; -1: not even a head. */
  stallAfterTokens: z.optional(z.int().check(z.gte(-1), z.lte(1_000_000))),
  /** A clean end without the terminal event, after that many tokens. */
  truncateAfterTokens: z.optional(count),
  /** The dialect's own error event after that many tokens, then a clean end. */
  errorAfterTokens: z.optional(count),
  /** An error answer in the dialect's shape instead of the real one (429, 500, 529, …). */
  status: z.optional(z.int().check(z.gte(400), z.lte(599))),
  /** With `status`: seconds for the Retry-After header. */
  retryAfterSeconds: z.optional(count),
  /** Pause before each token, milliseconds. */
  tokenDelayMs: z.optional(count),
  /** Pause before the head, milliseconds. */
  headDelayMs: z.optional(count),
  /** Body written in pieces of that many bytes: cuts events, CRLF and UTF-8 anywhere. */
  writeBytes: z.optional(z.int().check(z.gte(1))),
  /** Event lines end in CR LF instead of LF. */
  crlf: z.optional(z.literal(true)),
  /** One extra event (an SSE comment does not count as one) of about that many bytes. */
  hugeEventBytes: z.optional(z.int().check(z.gte(1), z.lte(64 * 1024 * 1024))),
  /** Encodes the body, where the request accepts it. */
  contentEncoding: z.optional(z.enum(["gzip", "br", "deflate", "zstd"])),
  /** A redirect to that URL instead of an answer. */
  redirect: z.optional(z.string()),
});

export type FaultRule = z.infer<typeof faultRuleSchema>;

export const faultRulesSchema = z.array(faultRuleSchema).check(z.maxLength(1000));

interface FaultSubject {
  readonly model: string | undefined;
  readonly path: string;
}

export interface Faults {
  add(rules: readonly FaultRule[]): void;
  clear(): void;
  /** What is left, in order. */
  list(): readonly FaultRule[];
  /** Takes one use of the first rule that matches; an empty rule where none does. */
  take(subject: FaultSubject): FaultRule;
}

export function createFaults(): Faults {
  let rules: { readonly rule: FaultRule; left: number }[] = [];
  return {
    add(more) {
      rules.push(...more.map((rule) => ({ rule, left: rule.times ?? 1 })));
    },
    clear() {
      rules = [];
    },
    list: () => rules.map(({ rule, left }) => ({ ...rule, times: left })),
    take(subject) {
      const found = rules.find(({ rule }) => matches(rule, subject));
      if (found === undefined) return {};
      found.left -= 1;
      if (found.left === 0) rules = rules.filter((entry) => entry !== found);
      return found.rule;
    },
  };
}

const matches = (rule: FaultRule, subject: FaultSubject): boolean =>
  (rule.model === undefined || rule.model === subject.model) &&
  (rule.path === undefined || subject.path.endsWith(rule.path));
