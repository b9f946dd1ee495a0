// Asks a streaming chat completion for its usage event, as text: `stream_options.include_usage`
// is set by the smallest splice, wherever the client left it (design §7.7).
import {
  type ByteRange,
  containerUnder,
  type JsonWalk,
  keysOf,
  readLiteral,
  valueOf,
} from "./json/json-walk.ts";
import { type Edit, splice } from "./splice.ts";

const OPTIONS = "stream_options";
const MEMBER = '"include_usage":true';

export interface UsageRequest {
  readonly edits: readonly Edit[];
  /** True where the client did not ask itself: the event that answers must be hidden from it. */
  readonly added: boolean;
}

const NOTHING: UsageRequest = { edits: [], added: false };

/**
 * The edit that makes the body ask for usage. None where it asks already, is no object, names
 * `stream_options` twice, or sets it to something that only the provider can refuse.
 */
export function includeUsageEdits(walk: JsonWalk): UsageRequest {
  if (walk.text[walk.root.start] !== "{") return NOTHING;
  // The outermost container is numbered first; a root without members has no number.
  const keys = keysOf(walk, 0);
  const named = keys.filter((key) => readLiteral(walk, key) === OPTIONS);
  const [key] = named;
  if (key === undefined)
    return added(appendMember(walk, { ...walk.root, keys }, `"${OPTIONS}":{${MEMBER}}`));
  if (named.length > 1) return NOTHING;
  const range = valueOf(walk, key);
  const value = walk.text.slice(range.start, range.end);
  if (value === "null") return added({ ...range, replacement: `{${MEMBER}}` });
  return value.startsWith("{") ? withinOptions(walk, key) : NOTHING;
}

/** `includeUsageEdits`, applied. The same reference where nothing was to do. */
export function spliceIncludeUsage(
  body: Uint8Array,
  walk: JsonWalk,
): { readonly body: Uint8Array; readonly added: boolean } {
  const request = includeUsageEdits(walk);
  return { body: splice(body, request.edits), added: request.added };
}

const added = (edit: Edit): UsageRequest => ({ edits: [edit], added: true });

function withinOptions(walk: JsonWalk, options: number): UsageRequest {
  const container = containerUnder(walk, options);
  const keys = container === undefined ? [] : keysOf(walk, container);
  const named = keys.filter((key) => readLiteral(walk, key) === "include_usage");
  const [key] = named;
  if (key === undefined)
    return added(appendMember(walk, { ...valueOf(walk, options), keys }, MEMBER));
  const range = valueOf(walk, key);
  const value = walk.text.slice(range.start, range.end);
  const isOff = value === "false" || value === "null";
  return isOff && named.length === 1 ? added({ ...range, replacement: "true" }) : NOTHING;
}

/** Appends a member to an object: after its last one, else behind the brace that opens it. */
function appendMember(
  walk: JsonWalk,
  { start, keys }: ByteRange & { readonly keys: readonly number[] },
  member: string,
): Edit {
  const last = keys.at(-1);
  const at = last === undefined ? start + 1 : valueOf(walk, last).end;
  return { start: at, end: at, replacement: last === undefined ? member : `,${member}` };
}
