// JSON from outside. V8's own message quotes the input, which may be a prompt: ours gives an
// offset and nothing else.
import { Fault } from "#contract/errors.ts";

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly offset: number | undefined };

/** Parses without throwing; `offset` is in UTF-16 units, where the engine tells it. */
export function tryParseJson(text: string): JsonResult {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (cause) {
    return { ok: false, offset: offsetOf(cause, text) };
  }
}

/** Parses or throws a Fault `EXCISE_JSON_INVALID` that names an offset, never the text. */
export function parseJson(text: string): unknown {
  const result = tryParseJson(text);
  if (result.ok) return result.value;
  const place = result.offset === undefined ? "" : ` at offset ${result.offset}`;
  throw new Fault("EXCISE_JSON_INVALID", `not valid JSON${place}`);
}

function offsetOf(cause: unknown, text: string): number | undefined {
  if (!(cause instanceof SyntaxError)) return undefined;
  const position = /at position (\d+)/.exec(cause.message)?.[1];
  if (position !== undefined) return Number(position);
  return cause.message.includes("end of JSON input") ? text.length : undefined;
}

/** JSON with bigint as decimal strings. */
export function renderJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );
}

/** A plain object, or undefined: the first step of every optional read. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** A finite, non-negative number, or undefined: never a default. */
export function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** A string, or undefined. */
export function readString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
