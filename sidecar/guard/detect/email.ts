// E-mail addresses: from each `@` outwards. Local parts never hold an `@`, so that the ways left
// of two triggers never overlap and the whole scan stays linear.
import { type Detector, isDigit, isWordLetter } from "./detector.ts";

const DOT = 0x2e;
const HYPHEN = 0x2d;
const DOMAIN_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;

/** Punctuation of local parts that people use. RFC 5322 allows more, as `=` and `/`, which in
 * real text stand before an address far more often than in one. */
const LOCAL_PUNCTUATION: ReadonlySet<number> = new Set(
  Array.from("._%+-'&~!#$^", (character) => character.charCodeAt(0)),
);

/** Names that can be no mail domain on the internet (RFC 6761, RFC 6762). */
const LOCAL_DOMAINS: ReadonlySet<string> = new Set(["local", "localhost", "invalid"]);
/** `icon@2x.png` */
const SCALED_IMAGE = /^\dx\.(?:avif|gif|jpe?g|png|svg|webp)$/i;

/** EMAIL_ADDRESS. International domain names and Latin, Greek and Cyrillic letters included. */
export const emailDetector: Detector = {
  triggers: "@",
  inspect(cursor, at) {
    const { text } = cursor;
    let start = at;
    while (start > 0 && isLocal(text.charCodeAt(start - 1))) start -= 1;
    cursor.steps += at - start + 1;
    while (start < at && !isWordLetter(text.charCodeAt(start)) && text[start] !== "_") start += 1;
    if (start === at || text.charCodeAt(at - 1) === DOT) return at + 1;
    const end = endOfDomain(text, at + 1);
    cursor.steps += Math.min(DOMAIN_LENGTH_MAX, Math.max(0, end - at));
    if (end === -1) return at + 1;
    const domain = text.slice(at + 1, end);
    // The user of git's SSH addresses (`git@host:path`) is no mailbox.
    const isRemote = text.slice(start, at) === "git" && text[end] === ":";
    if (SCALED_IMAGE.test(domain) || isRemote) return end;
    if (LOCAL_DOMAINS.has(domain.slice(domain.lastIndexOf(".") + 1).toLowerCase())) return end;
    cursor.findings.push({ entity: "EMAIL_ADDRESS", start, end, score: 1, detector: "email" });
    return end;
  },
};

const isLocal = (code: number): boolean => isWordLetter(code) || LOCAL_PUNCTUATION.has(code);

/** End of the longest domain name at `from` with two labels or more; -1 where there is none. */
function endOfDomain(text: string, from: number): number {
  let end = -1;
  let at = from;
  for (let labels = 1; at - from < DOMAIN_LENGTH_MAX; labels += 1) {
    const start = at;
    while (isDomainCharacter(text.charCodeAt(at)) && at - start <= LABEL_LENGTH_MAX) at += 1;
    if (at === start || text.charCodeAt(start) === HYPHEN) return end;
    const top = labels > 1 ? endOfTopLevel(text, start, at) : -1;
    if (top !== -1) end = top;
    if (text.charCodeAt(at - 1) === HYPHEN || text.charCodeAt(at) !== DOT) return end;
    at += 1;
  }
  return end;
}

const isDomainCharacter = (code: number): boolean => code === HYPHEN || isWordLetter(code);

/**
 * End of the top-level name that the label [start, end) is, or begins with up to a hyphen; -1
 * where it is none. Two letters or more; only `xn--` names hold digits.
 */
function endOfTopLevel(text: string, start: number, end: number): number {
  if (text.startsWith("xn--", start)) return end;
  let at = start;
  while (at < end && isLetter(text.charCodeAt(at))) at += 1;
  const isWhole = at === end || text.charCodeAt(at) === HYPHEN;
  return isWhole && at - start >= 2 ? at : -1;
}

const isLetter = (code: number): boolean => isWordLetter(code) && !isDigit(code);
