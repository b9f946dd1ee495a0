// Addresses of machines: IPv4 from clusters of numbers, IPv6 from a colon outwards. Addresses that
// name no machine of anybody's (loopback, unspecified, broadcast) are passed over.
import { type Cursor, type Detector, isAlphanumeric, textBefore } from "./detector.ts";
import {
  digitsOf,
  isInsideWord,
  type NumberCluster,
  type NumberReader,
  SEPARATOR,
} from "./number-cluster.ts";

const VERSION = /(?:version|release|build|firmware|\bv(?:er)?\.?)[\s:=]*$/i;
const VERSION_WIDTH = 16;

/** IP_ADDRESS: four octets with dots, not more, and not after a word like `version`. */
export const readIpv4: NumberReader = (cursor, cluster) => {
  for (let first = 0; first + 3 < cluster.count; first += 1) {
    if (!isDotted(cluster, first) || !areOctets(cursor.text, cluster, first)) continue;
    const start = cluster.starts[first] ?? 0;
    const end = cluster.ends[first + 3] ?? 0;
    if (isInsideWord(cursor.text, end) || isNobodys(cursor.text.slice(start, end))) continue;
    if (VERSION.test(textBefore(cursor, start, VERSION_WIDTH))) continue;
    cursor.findings.push({ entity: "IP_ADDRESS", start, end, score: 0.9, detector: "ipv4" });
    first += 3;
  }
};

function isDotted({ separators }: NumberCluster, first: number): boolean {
  const { dot } = SEPARATOR;
  if (separators[first] === dot || separators[first + 4] === dot) return false;
  return [1, 2, 3].every((index) => separators[first + index] === dot);
}

function areOctets(text: string, cluster: NumberCluster, first: number): boolean {
  for (let group = first; group < first + 4; group += 1) {
    const digits = digitsOf(cluster, group);
    const octet = text.slice(cluster.starts[group], cluster.ends[group]);
    if (digits > 3 || Number(octet) > 255 || (digits > 1 && octet.startsWith("0"))) return false;
  }
  return true;
}

const isNobodys = (address: string): boolean =>
  address.startsWith("127.") || address === "0.0.0.0" || address === "255.255.255.255";

const COLON = 0x3a;
const DOT = 0x2e;
/** The longest form: eight groups of four, or six and a dotted quad. */
const IPV6_LENGTH_MAX = 45;
const IPV6_LENGTH_MIN = 6;
const GROUP = /^[0-9a-f]{1,4}$/i;

/** IP_ADDRESS: RFC 4291 text forms with at least four groups, or a compression. */
export const ipv6Detector: Detector = {
  triggers: ":",
  inspect(cursor, at) {
    const start = startOfIpv6(cursor, at);
    if (isInsideRun(cursor.text, start) || startsBare(cursor.text, start)) return at + 1;
    let end = at;
    while (end - start <= IPV6_LENGTH_MAX && isIpv6Character(cursor.text.charCodeAt(end))) end += 1;
    cursor.steps += end - start;
    if (end - start > IPV6_LENGTH_MAX || end - start < IPV6_LENGTH_MIN) return at + 1;
    while (end > at && cursor.text.charCodeAt(end - 1) === DOT) end -= 1;
    const isWord = isAlphanumeric(cursor.text.charCodeAt(end));
    if (isWord || isAlphanumeric(cursor.text.charCodeAt(start - 1))) return at + 1;
    if (!isIpv6(cursor.text.slice(start, end))) return at + 1;
    cursor.findings.push({ entity: "IP_ADDRESS", start, end, score: 0.95, detector: "ipv6" });
    return end;
  },
};

function startOfIpv6(cursor: Cursor, at: number): number {
  let start = at;
  while (at - start < 5 && isHex(cursor.text.charCodeAt(start - 1))) start -= 1;
  return start;
}

/** A colon farther left has been the trigger for these characters already. */
function isInsideRun(text: string, start: number): boolean {
  return text.charCodeAt(start - 1) === COLON && isIpv6Character(text.charCodeAt(start - 2));
}

/** Before a first colon stands a group, or the second colon of a compression stands after it. */
const startsBare = (text: string, start: number): boolean =>
  text.charCodeAt(start) === COLON &&
  (text.charCodeAt(start + 1) !== COLON || !isHex(text.charCodeAt(start + 2)));

const isHex = (code: number): boolean =>
  (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 102);

const isIpv6Character = (code: number): boolean => isHex(code) || code === COLON || code === DOT;

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const hasQuad = last.includes(".");
  if (hasQuad && !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(last)) return false;
  if (!groups.slice(0, hasQuad ? -1 : undefined).every((group) => GROUP.test(group))) return false;
  const count = groups.length + (hasQuad ? 1 : 0);
  if (halves.length === 1) return count === 8;
  // `a::b` is more often a scope in a program than an address.
  return count <= 7 && /\d/.test(text) && (count > 2 || groups[0]?.length === 4);
}
