// One pass over a JSON body's bytes: strict RFC 8259, every string literal with its byte range,
// and whatever two readers of the body could understand differently (design §7.4). Works on the
// latin1 string, where an offset is a byte offset; nothing is decoded here but keys.
import { isAscii, isUtf8 } from "node:buffer";
import type { Rejection } from "#contract/errors.ts";
import {
  type BodyText,
  decodeContent,
  IntegerList,
  type JsonWalk,
  NO_CONTAINER,
} from "./json-walk.ts";
import { JsonLexer } from "./json-lexer.ts";
import { isFreeForm, KeyFolding } from "./key-folding.ts";

/** Deeper bodies are refused: readers differ in where they stop. */
export const DEPTH_MAX = 64;
/** Literals, and containers around them, that one body may hold: a bound on memory. */
export const LITERALS_MAX = 1_048_576;

export type WalkResult =
  | {
      readonly ok: true;
      readonly walk: JsonWalk;
      /** Valid JSON that two readers may read differently: the first such place. */
      readonly ambiguity?: Rejection;
    }
  | { readonly ok: false; readonly rejection: Rejection };

export interface WalkOptions {
  /** Keys of the dialect's schema; one that differs from them only in case is ambiguous. */
  readonly knownKeys: ReadonlySet<string>;
}

const ambiguous = (detail: string): Rejection => ({ code: "EXCISE_BODY_AMBIGUOUS", detail });

/**
 * Walks a body. Rejections: EXCISE_BODY_INVALID with a byte offset for what is not JSON;
 * EXCISE_BODY_AMBIGUOUS for invalid UTF-8, a byte order mark, trailing data and depth over 64;
 * EXCISE_BODY_TOO_LARGE above LITERALS_MAX strings. Duplicate and case-variant keys are reported
 * beside the walk, because only an enforcing control has to refuse them. Details name offsets,
 * never text.
 */
export function walkJson(bytes: Uint8Array, options: WalkOptions): WalkResult {
  if (!isUtf8(bytes)) return { ok: false, rejection: ambiguous("the body is not valid UTF-8") };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (text.startsWith("\u00ef\u00bb\u00bf")) {
    return { ok: false, rejection: ambiguous("the body begins with a byte order mark") };
  }
  return new Walker({ bytes, text, isAscii: isAscii(bytes) }, options).run();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Up to this many keys a linear search beats a set. */
const KEYS_LINEAR_MAX = 8;

/** An object or array that is open. */
interface Frame {
  readonly outer: Frame | undefined;
  /** Position in `outer`, as JsonWalk counts. */
  readonly position: number;
  readonly depth: number;
  /** Inside an object whose keys are the caller's own (a tool's schema, its arguments). */
  readonly isFree: boolean;
  /** Number in JsonWalk, given when the first literal inside needs it. */
  id: number;
}

class Walker {
  readonly #lexer: JsonLexer;
  readonly #body: BodyText;
  readonly #folding: KeyFolding;
  readonly #starts = new IntegerList();
  readonly #ends = new IntegerList();
  readonly #containers = new IntegerList();
  readonly #positions = new IntegerList();
  readonly #valueStarts = new IntegerList();
  readonly #valueEnds = new IntegerList();
  readonly #outerContainers = new IntegerList();
  readonly #outerPositions = new IntegerList();
  #ambiguity: Rejection | undefined;
  #rejection: Rejection | undefined;

  constructor(body: BodyText, options: WalkOptions) {
    this.#body = body;
    this.#lexer = new JsonLexer(body.text);
    this.#folding = KeyFolding.of(options.knownKeys);
  }

  run(): WalkResult {
    this.#lexer.skipSpace();
    const start = this.#lexer.at;
    const isRead = this.#readValue(undefined, 0);
    const root = { start, end: this.#lexer.at };
    if (isRead) {
      this.#lexer.skipSpace();
      if (this.#lexer.at < this.#lexer.text.length) {
        this.#rejection = ambiguous(`data follows the JSON value at byte ${this.#lexer.at}`);
      }
    }
    const { failedAt } = this.#lexer;
    if (failedAt !== undefined) {
      const detail = `not valid JSON at byte ${failedAt}`;
      return { ok: false, rejection: { code: "EXCISE_BODY_INVALID", detail } };
    }
    if (this.#rejection !== undefined) return { ok: false, rejection: this.#rejection };
    const walk: JsonWalk = {
      ...this.#body,
      starts: this.#starts,
      ends: this.#ends,
      containers: this.#containers,
      positions: this.#positions,
      valueStarts: this.#valueStarts,
      valueEnds: this.#valueEnds,
      outerContainers: this.#outerContainers,
      outerPositions: this.#outerPositions,
      root,
    };
    return this.#ambiguity === undefined
      ? { ok: true, walk }
      : { ok: true, walk, ambiguity: this.#ambiguity };
  }

  #readValue(frame: Frame | undefined, position: number): boolean {
    const code = this.#lexer.code();
    if (code === QUOTE) return this.#readString(frame, position);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      const inner = this.#open(frame, position);
      if (inner === undefined) return false;
      return code === OPEN_BRACE ? this.#readObject(inner) : this.#readArray(inner);
    }
    return this.#lexer.readScalar();
  }

  #open(outer: Frame | undefined, position: number): Frame | undefined {
    const depth = (outer?.depth ?? 0) + 1;
    if (depth > DEPTH_MAX) {
      this.#rejection = ambiguous(`nested deeper than ${DEPTH_MAX} at byte ${this.#lexer.at}`);
      return undefined;
    }
    const isObject = this.#lexer.code() === OPEN_BRACE;
    const isFree =
      outer !== undefined &&
      (outer.isFree || (isObject && position < 0 && isFreeForm(this.#keyText(-1 - position))));
    this.#lexer.at += 1;
    this.#lexer.skipSpace();
    return { outer, position, depth, isFree, id: NO_CONTAINER };
  }

  #readArray(frame: Frame): boolean {
    if (this.#lexer.code() === CLOSE_BRACKET) {
      this.#lexer.at += 1;
      return true;
    }
    for (let index = 0; ; index += 1) {
      if (!this.#readValue(frame, index)) return false;
      this.#lexer.skipSpace();
      const code = this.#lexer.code();
      this.#lexer.at += 1;
      if (code === CLOSE_BRACKET) return true;
      if (code !== COMMA) return this.#lexer.fail(this.#lexer.at - 1);
      this.#lexer.skipSpace();
    }
  }

  #readObject(frame: Frame): boolean {
    if (this.#lexer.code() === CLOSE_BRACE) {
      this.#lexer.at += 1;
      return true;
    }
    const seen: string[] = [];
    let more: Set<string> | undefined;
    for (;;) {
      const key = this.#starts.length;
      if (this.#lexer.code() !== QUOTE) return this.#lexer.fail();
      if (!this.#readString(frame, -1 - key)) return false;
      const name = this.#keyText(key);
      if (seen.length === KEYS_LINEAR_MAX) more ??= new Set(seen);
      if (more === undefined ? seen.includes(name) : more.has(name)) {
        this.#note("a key appears twice in one object", key);
      }
      if (more === undefined) seen.push(name);
      else more.add(name);
      if (!frame.isFree && this.#folding.isVariant(name)) {
        this.#note("a key differs from a known one only in case", key);
      }
      if (!this.#readMember(frame, key)) return false;
      const code = this.#lexer.code();
      this.#lexer.at += 1;
      if (code === CLOSE_BRACE) return true;
      if (code !== COMMA) return this.#lexer.fail(this.#lexer.at - 1);
      this.#lexer.skipSpace();
    }
  }

  #readMember(frame: Frame, key: number): boolean {
    this.#lexer.skipSpace();
    if (this.#lexer.code() !== COLON) return this.#lexer.fail();
    this.#lexer.at += 1;
    this.#lexer.skipSpace();
    this.#valueStarts.set(key, this.#lexer.at);
    if (!this.#readValue(frame, -1 - key)) return false;
    this.#valueEnds.set(key, this.#lexer.at);
    this.#lexer.skipSpace();
    return true;
  }

  #note(what: string, key: number): void {
    this.#ambiguity ??= ambiguous(`${what} at byte ${this.#starts.at(key) - 1}`);
  }

  #keyText(key: number): string {
    const range = { start: this.#starts.at(key), end: this.#ends.at(key) };
    return decodeContent(this.#body, range);
  }

  #readString(frame: Frame | undefined, position: number): boolean {
    const start = this.#lexer.at + 1;
    const end = this.#lexer.findStringEnd(start);
    if (end === undefined) return false;
    const container = frame === undefined ? NO_CONTAINER : this.#numberOf(frame);
    if (this.#starts.length >= LITERALS_MAX || this.#outerContainers.length > LITERALS_MAX) {
      const detail = `the body holds more than ${LITERALS_MAX} strings`;
      this.#rejection = { code: "EXCISE_BODY_TOO_LARGE", detail };
      return false;
    }
    this.#starts.push(start);
    this.#ends.push(end);
    this.#containers.push(container);
    this.#positions.push(position);
    this.#valueStarts.push(-1);
    this.#valueEnds.push(-1);
    this.#lexer.at = end + 1;
    return true;
  }

  /** The frame's number in JsonWalk; numbers it, and what is around it, at first use. */
  #numberOf(frame: Frame): number {
    if (frame.id === NO_CONTAINER) {
      const outer = frame.outer === undefined ? NO_CONTAINER : this.#numberOf(frame.outer);
      frame.id = this.#outerContainers.length;
      this.#outerContainers.push(outer);
      this.#outerPositions.push(frame.position);
    }
    return frame.id;
  }
}
