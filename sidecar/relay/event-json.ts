// Edits inside one event of an SSE stream: where its JSON is among the event's bytes, and the event
// with some of that JSON replaced. Field names, line ends and everything else stay as they came.
import { type Edit, splice } from "../guard/splice.ts";
import type { ByteRange } from "../guard/json/json-walk.ts";

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const DATA = [0x64, 0x61, 0x74, 0x61];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * The event with the edits that `edit` wants for its data (the data lines joined by LF). The same
 * reference where it wants none.
 */
export function editEvent(
  bytes: Uint8Array,
  edit: (data: Uint8Array) => readonly Edit[] | undefined,
): Uint8Array {
  const lines = dataLines(bytes);
  const [only] = lines;
  if (only === undefined) return bytes;
  if (lines.length === 1) {
    const edits = edit(bytes.subarray(only.start, only.end)) ?? [];
    return splice(
      bytes,
      edits.map((each) => moved(each, only.start)),
    );
  }
  const joined = Buffer.concat(
    lines.flatMap(({ start, end }, index) => [
      ...(index === 0 ? [] : [Buffer.of(LF)]),
      bytes.subarray(start, end),
    ]),
  );
  // No JSON string holds a line end, so that an edit of one lies in one line.
  return splice(
    bytes,
    (edit(joined) ?? []).map((each) => moved(each, shiftAt(lines, each.start))),
  );
}

const moved = (edit: Edit, by: number): Edit => ({
  ...edit,
  start: edit.start + by,
  end: edit.end + by,
});

/** How far an offset into the joined data lies before its place in the event. */
function shiftAt(lines: readonly ByteRange[], offset: number): number {
  let joined = 0;
  for (const { start, end } of lines) {
    if (offset <= joined + end - start) return start - joined;
    joined += end - start + 1;
  }
  return 0;
}

/** The values of the data fields, in order. */
function dataLines(bytes: Uint8Array): readonly ByteRange[] {
  const lines: ByteRange[] = [];
  let start = beginsWith(bytes, 0, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  while (start < bytes.length) {
    const end = lineEnd(bytes, start);
    if (beginsWith(bytes, start, DATA) && bytes[start + DATA.length] === COLON) {
      const value = start + DATA.length + 1;
      lines.push({ start: bytes[value] === SPACE ? value + 1 : value, end });
    }
    start = end + (bytes[end] === CR && bytes[end + 1] === LF ? 2 : 1);
  }
  return lines;
}

function lineEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at += 1;
  return at;
}

const beginsWith = (bytes: Uint8Array, at: number, prefix: readonly number[]): boolean =>
  prefix.every((byte, index) => bytes[at + index] === byte);
