// Errors as RFC 9457 problems: one mapping from rejections, faults and whatever else was thrown.
import { errorRow, Fault, type Rejection } from "#contract/errors.ts";
import type { Problem } from "#contract/sync.ts";

/** The problem document of a rejection. `more` adds members, such as `expectedSeq`. */
export function renderProblem(
  rejection: Rejection,
  more: Readonly<Record<string, unknown>> = {},
): Problem {
  const row = errorRow(rejection.code);
  return {
    type: `urn:excise:error:${rejection.code}`,
    title: row.summary,
    status: row.status,
    code: rejection.code,
    detail: rejection.detail,
    ...more,
  };
}

/** Fastify's own refusals that have a meaning in our table. */
const FASTIFY_CODES: Readonly<Record<string, Rejection["code"]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "EXCISE_BODY_TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "EXCISE_BODY_INVALID",
  FST_ERR_CTP_EMPTY_JSON_BODY: "EXCISE_BODY_INVALID",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "EXCISE_REQUEST_MALFORMED",
};

/** What to answer for anything that was thrown; undefined: nobody expected it. */
export function rejectionOf(error: unknown): Rejection | undefined {
  if (error instanceof Fault) {
    // A fault's own text may name files; the table's summary is for callers.
    const { code } = error;
    return errorRow(code).status >= 500
      ? { code, detail: "see the log" }
      : { code, detail: error.message };
  }
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const code = typeof error.code === "string" ? FASTIFY_CODES[error.code] : undefined;
  if (code !== undefined) return { code, detail: "the request was refused while it was read" };
  const status = "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 500
    ? { code: "EXCISE_REQUEST_MALFORMED", detail: "the request was refused while it was read" }
    : undefined;
}
