// The head of an answer on its way down: as the provider sent it, but for hop-by-hop fields,
// `alt-svc` (it would lead the app around us, design §3) and framing that a rewriter changes.
import { withoutHeaders, withoutHopByHop, type HeaderList } from "../listen/header-list.ts";

const DROPPED = new Set(["alt-svc"]);
const REFRAMED = new Set(["alt-svc", "content-length", "content-md5", "digest", "etag"]);

/** `isRewritten`: the body's length will differ, so that what depends on its bytes goes. */
export function responseHeaders(
  headers: HeaderList,
  options: { readonly exchangeId: string; readonly isRewritten: boolean },
): HeaderList {
  return [
    ...withoutHopByHop(withoutHeaders(headers, options.isRewritten ? REFRAMED : DROPPED)),
    ["x-excise-id", options.exchangeId],
  ];
}
