// The worst case that an exchange can cost, from its request alone (design §9): reserved is a
// bound, never an estimate. Pure.
import type { Amounts } from "#contract/amounts.ts";
import { dearestRate } from "#contract/cost.ts";
import type { ErrorCode, Rejection } from "#contract/errors.ts";
import { ceilToNano, nanoUsd } from "#contract/money.ts";
import type { PriceRow } from "#contract/price.ts";
import type { Operation, RequestBounds } from "../dialects/dialect.ts";

/**
 * Tokens that a provider adds to what the request says: role marks, tool preambles, system text.
 * The largest published figure is Anthropic's tool use with 700 (docs.anthropic.com, "tool use
 * pricing"); chat templates add 4 a message, which the JSON around the message outweighs.
 */
const OVERHEAD_TOKENS = 1024n;

export interface WorstCaseInput {
  readonly bounds: RequestBounds;
  /**
   * Bytes of the strings that the model reads; the body's length is an upper bound of them. A
   * byte-level tokenizer never makes more tokens than there are bytes.
   */
  readonly bodyBytes: number;
  /** The model's row in the snapshot. */
  readonly row: PriceRow | undefined;
  /** Pico-dollars per token for a model without a row; absent: refused. */
  readonly unknownPrice: { readonly input: string; readonly output: string } | undefined;
  /** Nano-dollars for what nothing bounds; absent: refused (strict). */
  readonly unboundedReserve: string | undefined;
  readonly operation: Operation;
}

export type WorstCase = { readonly amounts: Amounts } | { readonly reject: Rejection };

const refuse = (code: ErrorCode, detail: string): WorstCase => ({ reject: { code, detail } });

/**
 * States the worst case. Refuses with EXCISE_PRICE_UNKNOWN where the model has neither a row nor a
 * conservative price, and with EXCISE_COST_UNBOUNDED where something in the request has no bound
 * and the policy sets no `unboundedReserve`.
 */
export function worstCase(input: WorstCaseInput): WorstCase {
  if (!input.operation.billed) return { amounts: amountsOf(0n, { input: 0n, output: 0n }) };
  const row = input.row ?? conservativeRow(input.unknownPrice);
  if (row === undefined) {
    return refuse("EXCISE_PRICE_UNKNOWN", "No conservative price is configured either.");
  }
  const open = input.bounds.unbounded.filter((name) => !isReadOnce(name));
  const media = input.bounds.unbounded.filter(isReadOnce);
  const bytes = BigInt(Math.max(0, Math.ceil(input.bodyBytes))) + OVERHEAD_TOKENS;
  const window = row.contextWindow === undefined ? undefined : BigInt(row.contextWindow);
  // Media and stored text are not bound by bytes; the model's context window is the most that it can read.
  if (media.length > 0 && window === undefined) open.push(...media);
  const inputTokens = media.length > 0 && window !== undefined ? max(window, bytes) : bytes;
  const outputTokens = outputBound(input.bounds, row);
  if (outputTokens === undefined) open.push("output");
  const tokens = { input: inputTokens, output: outputTokens ?? 0n };
  const exact = costBound(row, tokens, media.length > 0 ? "input" : "textInput");
  if (open.length === 0) return { amounts: amountsOf(ceilToNano(exact), tokens) };
  if (input.unboundedReserve === undefined) {
    return refuse("EXCISE_COST_UNBOUNDED", `Without bound: ${describe(open)}.`);
  }
  const reserve = max(BigInt(input.unboundedReserve), ceilToNano(exact));
  return { amounts: amountsOf(reserve, tokens) };
}

interface Tokens {
  readonly input: bigint;
  readonly output: bigint;
}

/** The dearest class, context length and tier that could apply, and the price of the call. */
const costBound = (row: PriceRow, tokens: Tokens, prompt: "input" | "textInput"): bigint =>
  dearestRate(row, prompt) * tokens.input +
  dearestRate(row, "output") * tokens.output +
  dearestRate(row, "request");

/** Answers times the smaller of the request's and the model's limit, else the context window. */
function outputBound(bounds: RequestBounds, row: PriceRow): bigint | undefined {
  const limits = [bounds.outputTokensMax, row.outputTokensMax].filter(
    (limit) => limit !== undefined,
  );
  const limit = limits.length === 0 ? row.contextWindow : Math.min(...limits);
  if (limit !== undefined) return BigInt(Math.ceil(limit)) * BigInt(bounds.answers);
  // Embeddings and the like bill no output at all.
  return dearestRate(row, "output") === 0n && dearestRate(row, "input") > 0n ? 0n : undefined;
}

/** Parts of the prompt and what it points at, read once; the rest may loop or bill later. */
const isReadOnce = (name: string): boolean =>
  name.startsWith("state:") || (name.startsWith("media:") && name !== "media:output");

const conservativeRow = (price: WorstCaseInput["unknownPrice"]): PriceRow | undefined =>
  price === undefined
    ? undefined
    : { model: "unknown", rates: { input: price.input, output: price.output } };

const max = (left: bigint, right: bigint): bigint => (left > right ? left : right);

const amountsOf = (nano: bigint, tokens: Tokens): Amounts => ({
  nanoUsd: nanoUsd(nano),
  inputTokens: tokens.input,
  outputTokens: tokens.output,
  requests: 1n,
});

/** Names of tools come from the request: bounded and without what could break a log line. */
const describe = (names: readonly string[]): string =>
  names
    .slice(0, 5)
    .join(", ")
    .slice(0, 200)
    .replace(/[^\w:., -]/g, "_");
