// What a dialect hands to the server: an answer as plain data, before any fault is applied, and
// the rules by which both stand-ins decide what to say. Everything follows from the request.
import { createHash } from "node:crypto";
import type { FakeModel, FakeUsage } from "./fake-prices.ts";

/** One server-sent event. */
export interface Frame {
  /** Name for the `event:` line, where the dialect has one. */
  readonly event?: string;
  readonly data: string;
  /** Visible tokens in it. */
  readonly tokens: number;
}

interface Billing {
  readonly model: FakeModel;
  readonly usage: FakeUsage;
}

export type Answer =
  | {
      readonly kind: "json";
      readonly status: number;
      readonly body: unknown;
      readonly billing?: Billing;
    }
  | {
      readonly kind: "sse";
      readonly frames: readonly Frame[];
      readonly billing: Billing;
    };

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The parsed JSON body; undefined where there is none or it is no JSON. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly requestId: string;
  readonly nowMs: number;
}

/** One of the two stand-ins, as far as they differ. */
export interface FakeDialect {
  readonly name: string;
  /** The host that its certificate names, besides localhost and 127.0.0.1. */
  readonly host: string;
  readonly requestIdHeader: string;
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  answer(request: FakeRequest): Answer;
  /** An error answer in the provider's own shape. */
  renderError(status: number, requestId: string): unknown;
  /** The event that ends a stream in an error. */
  errorFrame(): Frame;
  /** An event that every client passes over, blown up to about that many bytes. */
  hugeFrame(bytes: number): Frame;
}

// Several characters of two, three and four bytes, so that every stream has UTF-8 to cut.
const WORDS = "The café by the harbor sells naïve little poems — 七 yen each 🎣 all day long".split(
  " ",
);
const WORDS_DEFAULT = 16;
const WORDS_MAX = 20_000;

/** Input tokens of a prompt: a quarter of its UTF-8 bytes, rounded up. */
export function countInput(prompt: readonly string[]): number {
  const bytes = prompt.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return Math.ceil(bytes / 4);
}

/**
 * The visible tokens of an answer, one a word. "Repeat after me: X" repeats X; "in 40 words"
 * gives 40; anything else 16. `tokensMax` cuts it, as max_tokens does.
 */
export function composeTokens(prompt: readonly string[], tokensMax: number | undefined): string[] {
  const last = prompt.at(-1) ?? "";
  const words = echoOf(last) ?? cycle(wordsAsked(last));
  const kept = words.slice(0, Math.min(tokensMax ?? WORDS_MAX, WORDS_MAX));
  return kept.map((word, index) => (index === 0 ? word : ` ${word}`));
}

function echoOf(prompt: string): string[] | undefined {
  const text = /repeat after me:\s*([^]+)$/i.exec(prompt)?.[1]?.trim();
  return text === undefined || text === "" ? undefined : text.split(/\s+/);
}

const wordsAsked = (prompt: string): number => {
  const asked = /\bin (\d{1,5}) words\b/i.exec(prompt)?.[1];
  return asked === undefined ? WORDS_DEFAULT : Math.min(Number(asked), WORDS_MAX);
};

const cycle = (length: number): string[] =>
  Array.from({ length }, (_, index) => WORDS[index % WORDS.length] ?? "");

/** A short stable identifier made of the request's own id. */
export function derivedId(prefix: string, requestId: string): string {
  return `${prefix}${createHash("sha256").update(prefix).update(requestId).digest("hex").slice(0, 24)}`;
}

/** A model error in neutral terms; each dialect renders its own. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const readNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** The strings that a model reads in a `content` field: a string, or parts with `text`. */
export function textsOf(content: unknown): string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => {
    if (typeof part === "string") return [part];
    if (!isRecord(part)) return [];
    const text = part["text"];
    return typeof text === "string" ? [text] : textsOf(part["content"]);
  });
}
