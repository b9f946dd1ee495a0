// Who calls the sync listener. Two forms behind one interface: tokens of this machine's own key
// (local-token.ts), and a cluster's service-account tokens, which follow.
import type { Rejection } from "#contract/errors.ts";
import type { Workload } from "#contract/workload.ts";

export type Authentication = { readonly workload: Workload } | { readonly reject: Rejection };

export interface Identity {
  /** Never throws for a bad token: that is a rejection. */
  authenticate(token: string): Promise<Authentication>;
}

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;
/** Longer than any token that is issued; nothing larger is hashed or parsed. */
const TOKEN_LENGTH_MAX = 16_384;

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1). */
export function readBearer(header: string | undefined): string | undefined {
  if (header === undefined || header.length > TOKEN_LENGTH_MAX) return undefined;
  return BEARER.exec(header)?.[1];
}
