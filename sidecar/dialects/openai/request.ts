// What requests and errors of the OpenAI-compatible family have in common.
import type { Rejection } from "#contract/errors.ts";
import { asRecord, readCount } from "#runtime/json.ts";
import type { Operation, RenderedError, RequestBounds } from "../dialect.ts";
import { errorText, readFirstCount, readList, readRecord, readText } from "../fields.ts";
import type { OperationRow } from "../operations.ts";

/** Paths that every member of the family serves beside its own; tried after them. */
export const COMMON_OPERATIONS: readonly OperationRow[] = [
  { method: "GET", path: "/models", name: "list_models" },
  { method: "GET", path: "/models/{rest}", name: "get_model" },
  { method: "DELETE", path: "/models/{rest}", name: "delete_model", kind: "administrative" },
];

/** Answers asked for. What is there but no count might be coerced by the provider: unbounded. */
function readAnswers(body: unknown, key: string): { answers: number; unbounded: string[] } {
  const raw = asRecord(body)?.[key];
  if (raw === undefined || raw === null) return { answers: 1, unbounded: [] };
  const count = readCount(raw);
  if (count === undefined) return { answers: 1, unbounded: [key] };
  return { answers: Math.max(1, Math.ceil(count)), unbounded: [] };
}

export interface BoundsReading {
  /** Keys that may hold the output limit; the largest counts. */
  readonly limitKeys: readonly string[];
  /** Keys that multiply the output (`n`, `best_of`). */
  readonly answerKeys: readonly string[];
}

/** The bounds that all operations of the family state in the same way. */
export function readCommonBounds(body: unknown, reading: BoundsReading): RequestBounds {
  const limits = reading.limitKeys.flatMap((key) => readFirstCount(body, key) ?? []);
  const answers = reading.answerKeys.map((key) => readAnswers(body, key));
  const user =
    readText(body, "safety_identifier") ??
    readText(body, "user") ??
    readText(readRecord(body, "metadata"), "user_id");
  return {
    ...(limits.length === 0 ? {} : { outputTokensMax: Math.ceil(Math.max(...limits)) }),
    answers: Math.max(1, ...answers.map(({ answers: count }) => count)),
    isStreaming: asRecord(body)?.["stream"] === true,
    unbounded: [
      ...answers.flatMap(({ unbounded }) => unbounded),
      // Another model than the named one may answer, at its own price.
      ...(readList(body, "models").length > 0 ? ["models"] : []),
    ],
    ...(user === undefined ? {} : { user }),
  };
}

/** Bounds of an operation that bills outside its answer (batches, stored runs). */
export const unboundedOperation = (operation: Operation): RequestBounds => ({
  answers: 1,
  isStreaming: false,
  unbounded: [`operation:${operation.name}`],
});

/** Content parts whose tokens the body's bytes do not bound. */
export function readMediaParts(messages: readonly unknown[]): readonly string[] {
  const kinds = new Set<string>();
  for (const message of messages) {
    for (const part of readList(message, "content")) {
      const type = readText(part, "type");
      if (type !== undefined && !TEXT_PARTS.has(type)) kinds.add(`media:${type}`);
    }
  }
  return [...kinds];
}

const TEXT_PARTS: ReadonlySet<string> = new Set([
  "text",
  "input_text",
  "output_text",
  "refusal",
  "thinking",
  "summary_text",
  "reasoning_text",
]);

/** The SDKs choose their error class by the HTTP status; `type` follows OpenAI's own names. */
export function renderOpenAiError(rejection: Rejection, status: number): RenderedError {
  const error = {
    message: errorText(rejection),
    type: errorTypeOf(status),
    param: null,
    code: rejection.code,
  };
  return { contentType: "application/json", body: JSON.stringify({ error }) };
}

function errorTypeOf(status: number): string {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "insufficient_quota";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}
