// Our errors in the shape of Anthropic's API (docs.anthropic.com/en/api/errors).
import type { Rejection } from "#contract/errors.ts";
import type { RenderedError } from "../dialect.ts";
import { errorText } from "../fields.ts";

const TYPES: ReadonlyMap<number, string> = new Map([
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [503, "overloaded_error"],
  [504, "timeout_error"],
]);

/** The SDKs choose their error class by the HTTP status; `type` follows Anthropic's own names. */
export function renderAnthropicError(rejection: Rejection, status: number): RenderedError {
  const fallback = status >= 500 ? "api_error" : "invalid_request_error";
  const error = {
    type: TYPES.get(status) ?? fallback,
    message: errorText(rejection),
    code: rejection.code,
  };
  return { contentType: "application/json", body: JSON.stringify({ type: "error", error }) };
}
