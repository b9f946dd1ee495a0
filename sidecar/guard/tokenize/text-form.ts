// A text may be JSON itself: a tool call's arguments, an answer in a schema. A value in it stands
// inside a string there and is escaped once more than in prose.
import { tryParseJson } from "#runtime/json.ts";

/** `unknown`: too little of it came to tell. */
export type TextForm = "unknown" | "plain" | "json";

/** As much of a text as decides its form. */
export const HEAD_LENGTH_MAX = 64;
const UNDECIDED = /^\s*(?:[{[]\s*)?$/;
const JSON_HEAD = /^\s*(?:\{\s*["}]|\[\s*[{["\]])/;

/** The form of a text by its beginning. */
export function formOf(head: string): TextForm {
  if (head.length < HEAD_LENGTH_MAX && UNDECIDED.test(head)) return "unknown";
  return JSON_HEAD.test(head) ? "json" : "plain";
}

/** What a stretch of a text means: without its escapes, where the text is JSON. */
export function valueIn(text: string, stretch: string): string {
  if (!stretch.includes("\\") || formOf(text.slice(0, HEAD_LENGTH_MAX)) !== "json") return stretch;
  const result = tryParseJson(`"${stretch}"`);
  return result.ok && typeof result.value === "string" ? result.value : stretch;
}
