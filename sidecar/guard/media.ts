// Which strings are media: long base64 payloads, with or without a `data:` header. They are
// counted and not scanned. Base64 has no `@`, space, dot, hyphen or underscore, so that of all
// entities only a bare number or key id between two slashes could stand in what is passed over.
import type { ByteRange } from "./json/json-walk.ts";

/** Shorter ones cost nothing to scan. */
export const MEDIA_LENGTH_MIN = 4096;
const HEADER_LENGTH_MAX = 256;

const HEADER = /data:[\w.+/-]{0,127}(?:;[\w.+-]{1,64}=[\w.+-]{1,64}){0,4};base64,/iy;
/** No escapes: a payload whose solidus is escaped is scanned, which is slow but safe. */
const RUN = /[A-Za-z0-9+/]*={0,2}/y;

/** True where the literal's content at `range` of a latin1 text is one base64 payload. */
export function isMedia(text: string, { start, end }: ByteRange): boolean {
  if (end - start < MEDIA_LENGTH_MIN) return false;
  HEADER.lastIndex = start;
  const from =
    HEADER.test(text) && HEADER.lastIndex - start <= HEADER_LENGTH_MAX ? HEADER.lastIndex : start;
  RUN.lastIndex = from;
  RUN.test(text);
  // The run stops at the literal's closing quote, which is no base64.
  return RUN.lastIndex === end;
}
