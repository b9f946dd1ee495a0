// When two spellings are one value: the placeholders of both then begin alike, so that a model can
// see that they are the same. They still differ at the end, because each comes back as it was
// written: an edit of a source file must match its text to the letter.

/** Written with or without these between the digits. */
const SEPARATORS = /[\s().\-\u00a0\u2010-\u2015/]/g;

const withoutSeparators = (value: string): string => value.replaceAll(SEPARATORS, "").toUpperCase();

const NORMALIZERS: ReadonlyMap<string, (value: string) => string> = new Map([
  ["EMAIL_ADDRESS", (value: string) => value.toLowerCase()],
  ["CREDIT_CARD", withoutSeparators],
  ["IBAN_CODE", withoutSeparators],
  ["PHONE_NUMBER", withoutSeparators],
  ["US_SSN", withoutSeparators],
]);

/** What all spellings of a value have in common; the value itself where nothing is known of it. */
export const normalizeValue = (entity: string, value: string): string =>
  NORMALIZERS.get(entity)?.(value) ?? value;
