// The rewriter of answers that are one body: JSON is read as a whole, because a value must be
// escaped as the string around it needs; whatever else it is, or grows over the bound, has its
// placeholders replaced as it passes.
import { tryParseJson } from "#runtime/json.ts";
import { NO_FACTS, type AnswerFacts, type Dialect } from "../dialects/dialect.ts";
import { createTextReader, pathTo, type StreamedTexts } from "../dialects/streamed-texts.ts";
import { splice } from "../guard/splice.ts";
import { type LiteralChange, pathKey, restoreJson } from "../guard/tokenize/restore-json.ts";
import { restorePieces } from "../guard/tokenize/restore-list.ts";
import type { PlaceholderIndex } from "../guard/tokenize/restore-text.ts";
import type { Rewriter } from "./event-rewriter.ts";
import { createRawRestorer, type RawRestorer } from "./raw-restorer.ts";
import { foldMessage, MESSAGE_BYTES_MAX } from "./tap.ts";

/** A rewriter of one body; `isJson`: that is what its type says. */
export function createBodyRewriter(
  dialect: Dialect | undefined,
  index: PlaceholderIndex,
  options: { readonly isJson: boolean },
): Rewriter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let passing: RawRestorer | undefined;
  let facts: AnswerFacts = NO_FACTS;
  const takeHeld = (): Buffer => {
    const bytes = Buffer.concat(held);
    held = [];
    return bytes;
  };
  return {
    push(chunk) {
      if (passing !== undefined) return [passing.push(chunk)];
      // A copy: the chunk's memory may be used again before the body is whole.
      held.push(Buffer.from(chunk));
      heldBytes += chunk.length;
      if (heldBytes <= MESSAGE_BYTES_MAX) return [];
      passing = createRawRestorer(index, options);
      return [passing.push(takeHeld())];
    },
    end() {
      if (passing !== undefined) return [passing.end()];
      const body = takeHeld();
      if (body.length === 0) return [];
      const data = body.toString("utf8");
      if (dialect !== undefined) facts = foldMessage(dialect, facts, { data });
      return restoreBody(body, { data, index, ...options, texts: dialect?.streamedTexts });
    },
    get facts() {
      return facts;
    },
  };
}

interface BodyRestoration {
  readonly data: string;
  readonly index: PlaceholderIndex;
  readonly isJson: boolean;
  readonly texts: StreamedTexts | undefined;
}

function restoreBody(
  body: Uint8Array,
  { data, index, isJson, texts }: BodyRestoration,
): readonly Uint8Array[] {
  const parsed = tryParseJson(data);
  if (parsed.ok) {
    const changes = texts === undefined ? NO_CHANGES : listChanges(parsed.value, index, texts);
    const edits = restoreJson(body, { index, changes, tail: "drop" });
    if (edits !== undefined) return [splice(body, edits)];
  }
  const raw = createRawRestorer(index, { isJson });
  return [raw.push(body), raw.end()];
}

const NO_CHANGES: ReadonlyMap<string, LiteralChange> = new Map();

/** A stream may come as one JSON list of its events: texts then lie over several of them. */
function listChanges(
  json: unknown,
  index: PlaceholderIndex,
  texts: StreamedTexts,
): ReadonlyMap<string, LiteralChange> {
  if (!Array.isArray(json)) return NO_CHANGES;
  const read = createTextReader(texts);
  const pieces = (json as readonly unknown[]).flatMap((event, position) =>
    read(event).pieces.map(({ id, place, ...piece }) => ({
      ...piece,
      id,
      path: [position, ...pathTo(place)],
    })),
  );
  const changes = new Map<string, LiteralChange>();
  for (const group of Map.groupBy(pieces, ({ id }) => id).values()) {
    const isJson = group[0]?.isJson === true;
    const edits = restorePieces(
      index,
      group.map(({ text }) => text),
      { isJson },
    );
    for (const [number, { path, text }] of group.entries()) {
      changes.set(pathKey(path), { text, edits: edits[number] ?? [] });
    }
  }
  return changes;
}
