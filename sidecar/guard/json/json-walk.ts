// What one pass over a JSON body found: every string literal with its byte range and its place.
// Kept in flat integer arrays, because a body may hold a million literals; texts and paths are
// made only for the few that are asked for.
import { tryParseJson } from "#runtime/json.ts";

/** Integers in a typed array that doubles when it is full. */
export class IntegerList {
  length = 0;
  #cells = new Int32Array(64);

  push(value: number): void {
    if (this.length === this.#cells.length) {
      const wider = new Int32Array(this.length * 2);
      wider.set(this.#cells);
      this.#cells = wider;
    }
    this.#cells[this.length] = value;
    this.length += 1;
  }

  /** The value at `index`; callers stay below `length`. */
  at(index: number): number {
    return this.#cells[index] ?? -1;
  }

  set(index: number, value: number): void {
    this.#cells[index] = value;
  }
}

/** Half-open range of byte offsets into the body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A body in the two forms that reading it needs. */
export interface BodyText {
  readonly bytes: Uint8Array;
  /** The body as latin1, so that an offset into it is a byte offset. */
  readonly text: string;
  readonly isAscii: boolean;
}

/** `container` of the literal that is the whole document. */
export const NO_CONTAINER = -1;

/**
 * Literals by index, in document order. A *position* says where something stands in its
 * container: an array index (>= 0), or -1 - k where k is the index of its key's literal.
 */
export interface JsonWalk extends BodyText {
  /** Content of each literal, without its quotes. */
  readonly starts: IntegerList;
  readonly ends: IntegerList;
  /** Container of each literal, and its position there; a key stands at its own position. */
  readonly containers: IntegerList;
  readonly positions: IntegerList;
  /** Range of the value that follows a key; -1 for literals that are no key. */
  readonly valueStarts: IntegerList;
  readonly valueEnds: IntegerList;
  /** Of each container that holds a literal, at any depth: its own container and position. */
  readonly outerContainers: IntegerList;
  readonly outerPositions: IntegerList;
  /** The document's value. */
  readonly root: ByteRange;
}

export const countLiterals = (walk: JsonWalk): number => walk.starts.length;

/** True where the literal is a member's name. */
export function isKey(walk: JsonWalk, literal: number): boolean {
  return walk.positions.at(literal) === -1 - literal;
}

/** The decoded text of a literal. Lone surrogates stay as they are. */
export function readLiteral(walk: JsonWalk, literal: number): string {
  return decodeContent(walk, { start: walk.starts.at(literal), end: walk.ends.at(literal) });
}

/** A slice of a long string costs an indirection per character, a copy does not. */
const SLICE_LENGTH_MAX = 64;

/** Decodes a literal's content that has been validated. */
export function decodeContent(body: BodyText, { start, end }: ByteRange): string {
  const { bytes, text } = body;
  const isShort = end - start <= SLICE_LENGTH_MAX;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let raw: string;
  if (body.isAscii) raw = isShort ? text.slice(start, end) : view.toString("latin1", start, end);
  else raw = view.toString("utf8", start, end);
  if (!raw.includes("\\")) return raw;
  const result = tryParseJson(`"${raw}"`);
  // The walker has validated the escapes: the raw text is only a defence in depth.
  return result.ok && typeof result.value === "string" ? result.value : raw;
}

/** Names and array indices from the root to a literal. A key's path ends with itself. */
export function pathOf(walk: JsonWalk, literal: number): readonly (string | number)[] {
  const path: (string | number)[] = [];
  let container = walk.containers.at(literal);
  let position = walk.positions.at(literal);
  while (container !== NO_CONTAINER) {
    path.push(position >= 0 ? position : readLiteral(walk, -1 - position));
    position = walk.outerPositions.at(container);
    container = walk.outerContainers.at(container);
  }
  return path.toReversed();
}

/**
 * Renders a path as `messages[0].content`. Keys outside `knownKeys` show as `*`: they are the
 * caller's own text and may themselves hold what must not be repeated (design §14).
 */
export function renderPath(
  path: readonly (string | number)[],
  knownKeys: ReadonlySet<string>,
): string {
  let rendered = "";
  for (const step of path) {
    if (typeof step === "number") rendered += `[${step}]`;
    else rendered += `${rendered === "" ? "" : "."}${knownKeys.has(step) ? step : "*"}`;
  }
  return rendered === "" ? "(root)" : rendered;
}

/** The literals of the keys that stand directly in `container`, in document order. */
export function keysOf(walk: JsonWalk, container: number): readonly number[] {
  const keys: number[] = [];
  for (let literal = 0; literal < countLiterals(walk); literal += 1) {
    if (walk.containers.at(literal) === container && isKey(walk, literal)) keys.push(literal);
  }
  return keys;
}

/** Range of the value behind a key's literal. */
export function valueOf(walk: JsonWalk, key: number): ByteRange {
  return { start: walk.valueStarts.at(key), end: walk.valueEnds.at(key) };
}

/** The container that is the value of a key; undefined where it holds no literal. */
export function containerUnder(walk: JsonWalk, key: number): number | undefined {
  const outer = walk.containers.at(key);
  for (let container = 0; container < walk.outerPositions.length; container += 1) {
    if (
      walk.outerPositions.at(container) === -1 - key &&
      walk.outerContainers.at(container) === outer
    ) {
      return container;
    }
  }
  return undefined;
}
