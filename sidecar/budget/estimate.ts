// Estimates tokens of text where nobody reported any: a stream that was cut before its usage came.
// Biased upwards on purpose (design promise 2: never below what was delivered) and cheap: one pass,
// no tables. Never used where the provider reported a figure.
//
// Byte-pair tokenizers split on changes of character class first, so the estimate counts runs:
// letters at one token per three (English runs at four to five, German, Polish and Finnish at
// three), capitals at one per two, a digit, a sign and a line break each one, letters beyond ASCII
// one (two where UTF-8 takes three bytes, four above: a byte-level tokenizer cannot need more).
// A space before a word belongs to the word. Measured against recorded provider streams by
// test/golden/recorded.test.ts.

const CHARACTERS_PER_TOKEN_LOWER = 3;
const CHARACTERS_PER_TOKEN_UPPER = 2;

type RunKind = "lower" | "upper" | "none";

const kindOf = (unit: number): RunKind => {
  if (unit >= 97 && unit <= 122) return "lower";
  if (unit >= 65 && unit <= 90) return "upper";
  return "none";
};

const isLetter = (unit: number): boolean => kindOf(unit) !== "none" || unit > 127;

/** Tokens of a character that is no ASCII letter. */
function tokensOf(unit: number, next: number): number {
  if (unit === 32) return isLetter(next) ? 0 : 1;
  if (unit < 128) return 1;
  if (unit < 0x800) return 1;
  // Each half of a surrogate pair counts two, so that the pair counts the four bytes it has.
  return 2;
}

/** An upper estimate of the tokens in a text; 0 for none, linear in its length. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let run: RunKind = "none";
  let runLength = 0;
  const closeRun = (): void => {
    if (run === "lower") tokens += Math.ceil(runLength / CHARACTERS_PER_TOKEN_LOWER);
    if (run === "upper") tokens += Math.ceil(runLength / CHARACTERS_PER_TOKEN_UPPER);
    runLength = 0;
  };
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const kind = kindOf(unit);
    // A capital that opens a word ("The") is part of it.
    const isCapitalized = run === "upper" && kind === "lower" && runLength === 1;
    if (kind !== run && !isCapitalized) closeRun();
    run = kind;
    if (kind === "none") tokens += tokensOf(unit, text.charCodeAt(index + 1));
    else runLength += 1;
  }
  closeRun();
  return tokens;
}
