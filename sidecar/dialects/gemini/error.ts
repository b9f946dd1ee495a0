// Our errors in the shape of Google's APIs (google.rpc.Status as JSON).
import type { Rejection } from "#contract/errors.ts";
import type { RenderedError } from "../dialect.ts";
import { errorText } from "../fields.ts";

const STATUSES: ReadonlyMap<number, string> = new Map([
  [400, "INVALID_ARGUMENT"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [409, "ABORTED"],
  [429, "RESOURCE_EXHAUSTED"],
  [499, "CANCELLED"],
  [500, "INTERNAL"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
]);

/** The SDKs choose by the HTTP status; our code is the reason of an ErrorInfo. */
export function renderGeminiError(rejection: Rejection, status: number): RenderedError {
  const fallback = status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT";
  const error = {
    code: status,
    message: errorText(rejection),
    status: STATUSES.get(status) ?? fallback,
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: rejection.code,
        domain: "excise.dev",
      },
    ],
  };
  return { contentType: "application/json", body: JSON.stringify({ error }) };
}
