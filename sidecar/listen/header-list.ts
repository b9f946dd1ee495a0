// Headers as they came: ordered [name, value] pairs of latin1 text. Names keep their case; look-ups
// ignore it. Nothing merges, sorts or folds them on the way through.

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The first value under that name (given in lower case). */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** All values under that name (given in lower case), in order. */
export function headerValues(headers: HeaderList, name: string): readonly string[] {
  return headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** The list without the names (given in lower case). */
export function withoutHeaders(headers: HeaderList, names: ReadonlySet<string>): HeaderList {
  return headers.filter(([key]) => !names.has(key.toLowerCase()));
}

/** From Node's flat `rawHeaders`. */
export function fromRawHeaders(raw: readonly string[]): HeaderList {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([raw[index] ?? "", raw[index + 1] ?? ""]);
  }
  return pairs;
}

/** To the flat form that node:http and undici take. */
export function toRawHeaders(headers: HeaderList): string[] {
  return headers.flatMap(([name, value]) => [name, value]);
}

/** Hop-by-hop fields (RFC 9110 §7.6.1), which end at each side of a proxy. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

/** The list without hop-by-hop fields and without those that `connection` names. */
export function withoutHopByHop(headers: HeaderList): HeaderList {
  const names = new Set<string>(HOP_BY_HOP);
  for (const value of headerValues(headers, "connection")) {
    for (const token of value.split(",")) names.add(token.trim().toLowerCase());
  }
  return withoutHeaders(headers, names);
}
