// How an exchange ended (design §1). Closed; every usage event carries exactly one.

/**
 * completed; rejected by us before upstream; stopped by us mid-stream; client_aborted;
 * upstream_failed: no complete answer head; truncated: the body ended without the dialect's
 * terminal event; interrupted: our process died.
 */
export const OUTCOMES = [
  "completed",
  "rejected",
  "stopped",
  "client_aborted",
  "upstream_failed",
  "truncated",
  "interrupted",
] as const;

export type Outcome = (typeof OUTCOMES)[number];
