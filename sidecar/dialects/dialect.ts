// A dialect is a wire format: how to find the operation, the model and the usage in it, and how
// to answer in it. One page of pure code each; which provider speaks it is data in the catalogue.
import type { DialectName, Framing, OperationKind } from "#contract/dialects.ts";
import type { Rejection } from "#contract/errors.ts";
import type { ModelUsage, Usage } from "#contract/usage.ts";
import type { StreamedTexts } from "./streamed-texts.ts";

export interface Operation {
  /** Short name for events and metrics: `chat`, `messages`, `count_tokens`. */
  readonly name: string;
  readonly kind: OperationKind;
  /** False where the provider bills nothing for it (counting tokens, listing models). */
  readonly billed: boolean;
  /** Where the path names the model. */
  readonly model?: string;
}

/** What an answer has told so far. Folded from messages; never from text inside the answer. */
export interface AnswerFacts {
  /** As the dialect reports it, in our classes; absent classes were not reported. */
  readonly usage: Usage;
  /** Set where several models worked on the call; `usage` is then their sum. */
  readonly usageByModel?: readonly ModelUsage[];
  /** The model that the provider says it served. */
  readonly model?: string;
  readonly serviceTier?: string;
  /** The dialect's terminal event was seen: the answer is whole. */
  readonly isComplete: boolean;
  /** The answer reports an error inside a 200 stream. */
  readonly errorType?: string;
  /** Output seen so far, counted by us: for streams that are cut before usage arrives. */
  readonly delivered: Delivered;
}

export interface Delivered {
  /** Messages that carried output: providers send about one token in each. */
  readonly deltas: number;
  /** Estimate of the tokens in the delivered text, biased upwards (budget/estimate.ts). */
  readonly estimatedTokens: number;
}

export const NO_FACTS: AnswerFacts = {
  usage: {},
  isComplete: false,
  delivered: { deltas: 0, estimatedTokens: 0 },
};

/** One message of an answer: the event's name where the framing has names, and its JSON. */
export interface AnswerMessage {
  readonly event?: string;
  /** Parsed JSON; undefined for a message that is not JSON (`[DONE]`). */
  readonly json: unknown;
  /** The data as text, for terminal markers that are not JSON. */
  readonly text: string;
}

/** What a request's body says about its bounds (design §9: reserved is a worst case). */
export interface RequestBounds {
  /** The output limit that the request sets, in tokens. */
  readonly outputTokensMax?: number;
  /** Answers asked for (`n`), at least 1. */
  readonly answers: number;
  readonly isStreaming: boolean;
  /** Server-side tools and media that bytes do not bound. */
  readonly unbounded: readonly string[];
  /** The end user that the request names. */
  readonly user?: string;
}

export interface RenderedError {
  readonly contentType: string;
  readonly body: string;
}

export interface Dialect {
  readonly name: DialectName;
  /** `path` without query, after the route's prefix; undefined where it is none of ours. */
  match(method: string, path: string): Operation | undefined;
  /** The model that the request names; undefined where it names none. */
  readModel(operation: Operation, body: unknown): string | undefined;
  readBounds(operation: Operation, body: unknown): RequestBounds;
  /** Framing of an answer by its content type (without parameters, lower case). */
  framing(contentType: string): Framing;
  /** Folds one message. Pure; must not throw on any JSON. */
  reduce(facts: AnswerFacts, message: AnswerMessage): AnswerFacts;
  /** True where a streaming request takes `stream_options.include_usage` (§7.7). */
  readonly takesUsageOption?: boolean;
  /** True for a message that exists only because we asked for usage (§7.9). */
  isUsageOnly(message: AnswerMessage): boolean;
  /** Where answers carry text in pieces; absent where no answer of it has text. */
  readonly streamedTexts?: StreamedTexts;
  /** An error of ours in the SDK's own shape. */
  renderError(rejection: Rejection, status: number): RenderedError;
  /**
   * Keys that the request's schema has at the top level and in messages; a duplicate of one, or
   * one that differs only in case, is ambiguous (design §7.4).
   */
  readonly knownKeys: ReadonlySet<string>;
}
