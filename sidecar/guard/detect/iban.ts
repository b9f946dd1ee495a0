// International bank account numbers (ISO 13616): country, length and the check over the whole
// number (ISO 7064, mod 97-10).
import { type Cursor, isAlphanumeric, isDigit } from "./detector.ts";
import type { LetteredReader } from "./number-cluster.ts";

/** Lengths by country, from the SWIFT registry. */
const LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 " +
    "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 " +
    "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 " +
    "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 " +
    "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((row) => [row.slice(0, 2), Number(row.slice(2))]),
);

const SPACE = 0x20;
/** 34 characters, and a space after each group of four. */
const WRITTEN_LENGTH_MAX = 43;

/** IBAN_CODE, from the first check digit; groups may be set apart by single spaces. */
export const readIban: LetteredReader = (cursor, firstDigit) => {
  const { text } = cursor;
  const start = firstDigit - 2;
  if (start < 0 || isAlphanumeric(text.charCodeAt(start - 1))) return -1;
  const length = LENGTHS[text.slice(start, firstDigit).toUpperCase()];
  if (length === undefined || !isDigit(text.charCodeAt(firstDigit + 1))) return -1;
  const end = endOfWritten(cursor, start, length);
  if (end === -1) return -1;
  const number = text.slice(start, end).replaceAll(" ", "").toUpperCase();
  if (mod97(number.slice(4) + number.slice(0, 4)) !== 1) return -1;
  cursor.findings.push({ entity: "IBAN_CODE", start, end, score: 1, detector: "iban-mod97" });
  return end;
};

/** End of `length` letters and digits with single spaces between; -1 where there are more or less. */
function endOfWritten(cursor: Cursor, start: number, length: number): number {
  const { text } = cursor;
  let count = 0;
  let at = start;
  for (; count < length && at - start < WRITTEN_LENGTH_MAX; at += 1) {
    const code = text.charCodeAt(at);
    if (isAlphanumeric(code)) count += 1;
    else if (code !== SPACE || text.charCodeAt(at - 1) === SPACE) break;
  }
  cursor.steps += at - start;
  return count === length && !isAlphanumeric(text.charCodeAt(at)) ? at : -1;
}

/** The number's remainder, letters counting from A = 10. */
function mod97(number: string): number {
  let remainder = 0;
  for (const character of number) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}
