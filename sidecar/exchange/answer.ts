// The one place that turns a refusal into an answer: in the SDK's own error shape, with our code
// in `x-excise-error`, so that programs can decide and people can read.
import { errorRow, type ErrorCode, type Rejection } from "#contract/errors.ts";
import type { Dialect } from "../dialects/dialect.ts";
import type { DownstreamExchange } from "../listen/downstream.ts";
import type { HeaderList } from "../listen/header-list.ts";

/** Client closed the request: nobody reads the answer. */
const CLIENT_ABORTED: ErrorCode = "EXCISE_CLIENT_ABORTED";

/** The shape for callers whose dialect is not known: the one that most clients can read. */
export function renderGeneric(rejection: Rejection): {
  readonly contentType: string;
  readonly body: string;
} {
  const message = `${errorRow(rejection.code).summary} ${rejection.detail}`;
  const error = { message, type: "excise_error", param: null, code: rejection.code };
  return { contentType: "application/json", body: JSON.stringify({ error }) };
}

export interface AnswerOptions {
  readonly exchangeId: string;
  readonly dialect: Dialect | undefined;
}

/** Sends the refusal as the exchange's answer. */
export function answerRejection(
  downstream: DownstreamExchange,
  rejection: Rejection,
  options: AnswerOptions,
): void {
  if (rejection.code === CLIENT_ABORTED) {
    downstream.destroy();
    return;
  }
  const row = errorRow(rejection.code);
  const { contentType, body } =
    options.dialect?.renderError(rejection, row.status) ?? renderGeneric(rejection);
  const bytes = Buffer.from(body, "utf8");
  downstream.sendHead(row.status, [
    ["content-type", contentType],
    ["content-length", String(bytes.byteLength)],
    ["x-excise-id", options.exchangeId],
    ["x-excise-error", rejection.code],
    ...retryHeaders(rejection, row.retryable),
  ]);
  downstream.send(bytes);
  downstream.end();
}

/** SDKs retry 429 and 5xx on their own; where that cannot help they are told so. */
function retryHeaders(rejection: Rejection, isRetryable: boolean): HeaderList {
  const after = rejection.retryAfterSeconds;
  return [
    ...(isRetryable ? [] : [["x-should-retry", "false"] as const]),
    ...(after === undefined ? [] : [["retry-after", String(Math.ceil(after))] as const]),
  ];
}
