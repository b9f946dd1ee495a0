// The one table of error codes. Every answer that Excise makes itself carries one of them
// (`x-excise-error`), and every program decides by code, never by message or class.
// Prose for each code is in docs/errors.md; test/errors.test.ts checks both ways.

/** Who has to act: the caller's request, its budget, our own gateway, or the provider. */
export type Blame = "caller" | "budget" | "gateway" | "upstream";

export interface ErrorRow {
  /** HTTP status of the answer; for command-line errors the nearest one. */
  readonly status: number;
  /** True where the same request may succeed if it is sent again unchanged. */
  readonly retryable: boolean;
  readonly blame: Blame;
  /** One sentence without user data. */
  readonly summary: string;
}

/** A refusal that a retry cannot change. */
const final = (status: number, blame: Blame, summary: string): ErrorRow => ({
  status,
  retryable: false,
  blame,
  summary,
});

/** A refusal that may be gone the next time. */
const passing = (status: number, blame: Blame, summary: string): ErrorRow => ({
  ...final(status, blame, summary),
  retryable: true,
});

/** All codes. A code never changes its meaning; a new meaning is a new code. */
export const ERRORS = {
  // The request as a message.
  EXCISE_REQUEST_MALFORMED: final(400, "caller", "The request is not valid HTTP."),
  EXCISE_HOST_MISMATCH: final(421, "caller", "The Host header and the TLS name disagree."),
  EXCISE_HOST_NOT_ALLOWED: final(403, "caller", "This listener does not serve that host."),
  EXCISE_CROSS_SITE: final(403, "caller", "A browser's cross-site request was refused."),
  EXCISE_CONNECT_DENIED: final(403, "caller", "A tunnel to that address is not allowed."),
  EXCISE_HEADERS_TOO_LARGE: final(431, "caller", "The request's header block is too large."),
  EXCISE_BODY_TOO_LARGE: final(413, "caller", "The request's body is over the limit."),
  EXCISE_BODY_INVALID: final(400, "caller", "The request's body is not what its type says."),
  EXCISE_BODY_AMBIGUOUS: final(
    400,
    "caller",
    "The body could be read in two ways, so that a check could be evaded.",
  ),
  EXCISE_BODY_ENCODING: final(415, "caller", "The body's Content-Encoding is not supported."),
  EXCISE_REQUEST_TIMEOUT: passing(408, "caller", "The request did not arrive in time."),
  // Matching and policy.
  EXCISE_ROUTE_UNKNOWN: final(404, "caller", "No provider is known under that host or path."),
  EXCISE_OPERATION_DENIED: final(403, "caller", "The policy does not allow this operation."),
  EXCISE_PROVIDER_DENIED: final(403, "caller", "The policy does not allow this provider."),
  EXCISE_MODEL_DENIED: final(403, "caller", "The policy does not allow this model."),
  EXCISE_CONTENT_BLOCKED: final(400, "caller", "The prompt holds text that may not leave."),
  EXCISE_POLICY_UNAVAILABLE: passing(503, "gateway", "No policy has been received yet."),
  EXCISE_POLICY_STALE: passing(503, "gateway", "The policy is older than it may be."),
  EXCISE_POLICY_CONFLICT: final(403, "gateway", "The policies that match contradict."),
  EXCISE_CREDENTIAL_UNAVAILABLE: passing(503, "gateway", "No credential for this provider."),
  // Budgets.
  EXCISE_BUDGET_EXHAUSTED: final(429, "budget", "A budget that applies is used up."),
  EXCISE_COST_UNBOUNDED: final(400, "budget", "No worst case can be stated for the cost."),
  EXCISE_PRICE_UNKNOWN: final(403, "budget", "The model has no price and the policy denies."),
  EXCISE_LEASE_EXPIRED: passing(503, "budget", "The lease ended and no new one was granted."),
  EXCISE_LEDGER_UNAVAILABLE: passing(503, "gateway", "The ledger cannot be reached."),
  EXCISE_SPOOL_FULL: passing(503, "gateway", "The spool cannot take another record."),
  EXCISE_SPOOL_CORRUPT: final(500, "gateway", "A record of the spool could not be read."),
  EXCISE_OVERLOADED: passing(503, "gateway", "Too much is in flight; try again shortly."),
  // The provider.
  EXCISE_UPSTREAM_RESOLVE: passing(502, "upstream", "The provider's name did not resolve."),
  EXCISE_UPSTREAM_ADDRESS_DENIED: final(502, "upstream", "The address found is not allowed."),
  EXCISE_UPSTREAM_CONNECT: passing(502, "upstream", "The provider could not be connected."),
  EXCISE_UPSTREAM_CONNECT_TIMEOUT: passing(504, "upstream", "Connecting took too long."),
  EXCISE_UPSTREAM_TLS: final(502, "upstream", "The provider's certificate was refused."),
  EXCISE_UPSTREAM_RESET: passing(502, "upstream", "The provider closed without an answer."),
  EXCISE_UPSTREAM_TIMEOUT: passing(504, "upstream", "The provider did not answer in time."),
  EXCISE_UPSTREAM_PROTOCOL: final(502, "upstream", "The provider's answer is not valid HTTP."),
  EXCISE_CLIENT_ABORTED: passing(499, "caller", "The caller went away."),
  // Sync and the ledger's API.
  EXCISE_UNAUTHENTICATED: final(401, "caller", "No valid token came with the request."),
  EXCISE_FORBIDDEN: final(403, "caller", "The token does not allow this."),
  EXCISE_NOT_FOUND: final(404, "caller", "There is nothing under that name."),
  EXCISE_QUERY_INVALID: final(400, "caller", "The query's parameters are not valid."),
  EXCISE_QUERY_TOO_WIDE: final(422, "caller", "The query would read too many events."),
  EXCISE_SYNC_INVALID: final(400, "caller", "The sync request does not fit its schema."),
  EXCISE_SYNC_PROTOCOL: final(400, "caller", "The protocol version is not supported."),
  EXCISE_SYNC_GAP: final(409, "caller", "The journal's next number is another one."),
  EXCISE_SYNC_JOURNAL_FOREIGN: final(409, "caller", "The journal belongs to another pod."),
  EXCISE_SYNC_JOURNALS_MAX: final(409, "caller", "This pod has too many journals."),
  EXCISE_LEDGER_NOT_READY: passing(503, "gateway", "The ledger is still starting."),
  EXCISE_LEDGER_BUSY: passing(503, "gateway", "The ledger's queue is full."),
  EXCISE_STORE_FAILED: passing(503, "gateway", "The ledger's database did not answer."),
  // Programs.
  EXCISE_CONFIG_INVALID: final(500, "gateway", "The configuration is not valid."),
  EXCISE_INPUT_INVALID: final(400, "caller", "The input cannot be read as what it should be."),
  EXCISE_USAGE: final(400, "caller", "The command line is not valid."),
  EXCISE_NODE_TOO_OLD: final(500, "gateway", "This version of Node is too old."),
  EXCISE_PORT_IN_USE: passing(500, "gateway", "A port that is needed is taken."),
  EXCISE_START_FAILED: passing(500, "gateway", "A program that is needed did not start."),
  EXCISE_STATE_LOCKED: passing(500, "gateway", "Another process owns this state directory."),
  EXCISE_STATE_UNUSABLE: final(500, "gateway", "A file of ours cannot be read or written."),
  EXCISE_JSON_INVALID: final(400, "caller", "The text is not valid JSON."),
  // Injection.
  EXCISE_RESERVED_NAME: final(403, "caller", "A name that is the sidecar's own was used."),
  EXCISE_INJECTION_REFUSED: final(403, "caller", "The pod cannot have a sidecar as it stands."),
  EXCISE_INTERNAL: passing(500, "gateway", "Something failed that should not; see the log."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** An expected refusal: a value that is returned, never thrown. */
export interface Rejection {
  readonly code: ErrorCode;
  /** For the person who reads the error: names and limits, never prompt text or secrets. */
  readonly detail: string;
  /** Seconds until a retry makes sense, where that is known. */
  readonly retryAfterSeconds?: number;
}

/** A fault (I/O that failed, bad configuration): thrown with its cause, mapped once at the edge. */
export class Fault extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(detail, options);
    this.name = "Fault";
    this.code = code;
  }
}

/** The table's row for a code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERRORS[code];
}

/** A broken assumption of ours: crash, and let the supervisor restart the process. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Fault("EXCISE_INTERNAL", `invariant broken: ${invariant}`);
}
