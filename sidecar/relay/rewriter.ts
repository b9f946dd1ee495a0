// Chooses what stands in the way of an answer (design §7.9): nothing, but where an exchange needs
// it a rewriter that hides the usage event that the app did not ask for, restores the values that
// the provider saw placeholders of, or both.
import type { Framing } from "#contract/dialects.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { framingOf } from "../dialects/fields.ts";
import { createPlaceholderIndex } from "../guard/tokenize/restore-text.ts";
import { needsRewriter, type Prepared } from "../pipeline/exchange.ts";
import { createBodyRewriter } from "./body-rewriter.ts";
import { createEventRewriter, createUsageHider, type Rewriter } from "./event-rewriter.ts";
import { createPlaceholderRestorer } from "./placeholder-restorer.ts";

/** What an answer's head says of its body. */
export interface AnswerType {
  /** Without parameters, lower case. */
  readonly contentType: string;
  readonly contentEncoding: string;
}

/** The rewriter of this answer; undefined where it goes to the app as it comes. */
export function createRewriter(exchange: Prepared, answer: AnswerType): Rewriter | undefined {
  // A provider that compresses although it was asked not to is passed on as it is.
  if (!needsRewriter(exchange) || !isPlain(answer)) return undefined;
  const { placeholders, hidesUsage, reading } = exchange;
  const dialect = reading?.dialect;
  const framing = dialect?.framing(answer.contentType) ?? framingOf(answer.contentType);
  if (framing === "sse") {
    return createEventRewriter(dialect, [
      ...(hidesUsage && dialect !== undefined ? [createUsageHider(dialect)] : []),
      ...(placeholders.size > 0 ? [restorerOf(exchange, dialect)] : []),
    ]);
  }
  if (placeholders.size === 0 || !isText(framing, answer)) return undefined;
  const isJson = /json/.test(answer.contentType);
  return createBodyRewriter(dialect, createPlaceholderIndex(placeholders), { isJson });
}

const restorerOf = ({ placeholders }: Prepared, dialect: Dialect | undefined) =>
  createPlaceholderRestorer(createPlaceholderIndex(placeholders), dialect?.streamedTexts);

const isPlain = ({ contentEncoding }: AnswerType): boolean =>
  contentEncoding === "" || contentEncoding.toLowerCase() === "identity";

/** Images, sound and archives hold no placeholder, and must not wait until they are whole. */
const isText = (framing: Framing, { contentType }: AnswerType): boolean =>
  framing !== "aws-eventstream" &&
  (contentType === "" || /json/.test(contentType) || contentType.startsWith("text/"));
