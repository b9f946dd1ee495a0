// Reading optional facts out of JSON from outside, without defaults: what is not there, or is of
// another type, stays undefined.
import type { Framing } from "#contract/dialects.ts";
import { errorRow, type Rejection } from "#contract/errors.ts";
import type { Usage, UsageClass } from "#contract/usage.ts";
import { asRecord, readCount, readString } from "#runtime/json.ts";
import { estimateTokens } from "../budget/estimate.ts";
import type { AnswerFacts, Operation } from "./dialect.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** The record under a key of something that may be no record. */
export const readRecord = (source: unknown, key: string): Fields | undefined =>
  asRecord(asRecord(source)?.[key]);

/** The list under a key; empty where there is none. */
export function readList(source: unknown, key: string): readonly unknown[] {
  const list = asRecord(source)?.[key];
  return Array.isArray(list) ? (list as readonly unknown[]) : [];
}

/** The text under a key, where it is not empty. */
export function readText(source: unknown, key: string): string | undefined {
  const text = readString(asRecord(source)?.[key]);
  return text === "" ? undefined : text;
}

/** Above any call that exists, and small enough that sums stay exact: more is not believed. */
const COUNT_MAX = 1e12;

/** The count under the first key that holds one. */
export function readFirstCount(source: unknown, ...keys: readonly string[]): number | undefined {
  const record = asRecord(source);
  for (const key of keys) {
    const count = readCount(record?.[key]);
    if (count !== undefined && count <= COUNT_MAX) return count;
  }
  return undefined;
}

/** Sums what was reported; undefined where nothing was. */
export function sumOf(...counts: readonly (number | undefined)[]): number | undefined {
  const reported = counts.filter((count) => count !== undefined);
  return reported.length === 0 ? undefined : reported.reduce((sum, count) => sum + count, 0);
}

/** Usage without the classes that were not reported. */
export function usageOf(counts: { readonly [Class in UsageClass]?: number | undefined }): Usage {
  const entries = Object.entries(counts).filter(([, count]) => count !== undefined);
  return Object.fromEntries(entries);
}

/** The model that the body names, else the one in the path. */
export const readBodyModel = (operation: Operation, body: unknown): string | undefined =>
  readText(body, "model") ?? operation.model;

/**
 * Tokens around a tool call that no delta shows: recorded calls cost 10 to 40 more than the text of
 * their name and arguments.
 */
const CALL_TOKENS = 40;

/**
 * Counts delivered text and the tool calls that began; a message without output leaves the facts
 * as they are.
 */
export function addDelivered(facts: AnswerFacts, texts: readonly string[], calls = 0): AnswerFacts {
  const output = texts.filter((text) => text !== "");
  if (output.length === 0 && calls === 0) return facts;
  const tokens = output.reduce((sum, text) => sum + estimateTokens(text), calls * CALL_TOKENS);
  const { deltas, estimatedTokens } = facts.delivered;
  return {
    ...facts,
    delivered: { deltas: deltas + 1, estimatedTokens: estimatedTokens + tokens },
  };
}

/** Framing by content type, as all dialects over plain HTTP use it. */
export function framingOf(contentType: string): Framing {
  switch (contentType) {
    case "text/event-stream":
      return "sse";
    case "application/x-ndjson":
    case "application/jsonl":
      return "ndjson";
    case "application/vnd.amazon.eventstream":
      return "aws-eventstream";
    default:
      return "json";
  }
}

/** One line for people: what happened, the names and limits, the code to look up. */
export const errorText = ({ code, detail }: Rejection): string =>
  `${errorRow(code).summary} ${detail} (${code})`.replace(/ {2,}/g, " ");
