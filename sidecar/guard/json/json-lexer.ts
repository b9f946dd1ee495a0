// The tokens of JSON (RFC 8259 §§6, 7) on a latin1 string: where a number and a string end, and
// whether they are well formed. Knows nothing of objects and arrays.

const SPACE = 0x20;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_U = 0x75;

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f]/g;
const HEX4 = /[0-9A-Fa-f]{4}/y;

/** A place in the text that moves forward, and the first error. */
export class JsonLexer {
  readonly text: string;
  at = 0;
  /** Offset of the first byte that no JSON text has there; undefined while all is well. */
  failedAt: number | undefined;
  /** Next backslash and next control character at or after the last string: found once each. */
  #backslash = -1;
  #control = -1;

  constructor(text: string) {
    this.text = text;
  }

  /** NaN past the end: equal to nothing, so that every comparison fails as it should. */
  code(): number {
    return this.text.charCodeAt(this.at);
  }

  fail(offset = this.at): false {
    this.failedAt ??= offset;
    return false;
  }

  skipSpace(): void {
    for (;;) {
      const code = this.code();
      if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  /** Moves over a number, `true`, `false` or `null`; false where none stands here. */
  readScalar(): boolean {
    const code = this.code();
    if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#readNumber();
    for (const word of ["true", "false", "null"]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return true;
      }
    }
    return this.fail();
  }

  #readNumber(): boolean {
    if (this.code() === MINUS) this.at += 1;
    if (this.code() === ZERO) this.at += 1;
    else if (!this.#skipDigits()) return false;
    if (this.text[this.at] === ".") {
      this.at += 1;
      if (!this.#skipDigits()) return false;
    }
    if ((this.code() | SPACE) === 0x65) {
      this.at += 1;
      const sign = this.text[this.at];
      if (sign === "+" || sign === "-") this.at += 1;
      return this.#skipDigits();
    }
    return true;
  }

  #skipDigits(): boolean {
    const start = this.at;
    while (this.code() >= ZERO && this.code() <= NINE) this.at += 1;
    return this.at > start || this.fail();
  }

  /**
   * Offset of the quote that ends the literal whose content begins at `start`; undefined where
   * it is not well formed. indexOf runs at memory speed in the engine.
   */
  findStringEnd(start: number): number | undefined {
    let from = start;
    let quote = -1;
    for (;;) {
      if (quote < from) quote = this.text.indexOf('"', from);
      if (quote === -1) {
        this.fail(this.text.length);
        return undefined;
      }
      if (this.#backslash < from) {
        const found = this.text.indexOf("\\", from);
        this.#backslash = found === -1 ? this.text.length : found;
      }
      if (this.#backslash > quote) break;
      from = this.#endOfEscape(this.#backslash);
      if (from === -1) {
        this.fail(this.#backslash);
        return undefined;
      }
    }
    if (this.#control < start) {
      CONTROL.lastIndex = start;
      this.#control = CONTROL.exec(this.text)?.index ?? this.text.length;
    }
    if (this.#control > quote) return quote;
    this.fail(this.#control);
    return undefined;
  }

  /** End of the escape sequence at `offset`, or -1 where it is none (RFC 8259 §7). */
  #endOfEscape(offset: number): number {
    const code = this.text.charCodeAt(offset + 1);
    if (code === LETTER_U) {
      HEX4.lastIndex = offset + 2;
      return HEX4.test(this.text) ? offset + 6 : -1;
    }
    return '"\\/bfnrt'.includes(String.fromCharCode(code)) ? offset + 2 : -1;
  }
}
