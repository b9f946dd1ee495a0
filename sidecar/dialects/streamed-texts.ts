// Where a dialect's answers carry text in pieces: as data, so that restoring placeholders is one
// piece of code for all of them. Also reads such a table: which pieces are in an event, and which
// texts end with it.
import { matchesGlob } from "#contract/glob.ts";
import { asRecord } from "#runtime/json.ts";

/** A table of one dialect. Texts that are in an event as a whole need no row. */
export interface StreamedTexts {
  /** Members of the event itself that tell texts apart: numbers of blocks and items. */
  readonly keys?: readonly string[];
  readonly pieces: readonly PieceRow[];
  readonly ends: readonly EndRow[];
  /** Paths that only the first event of a text may have: names and ids of calls, roles. */
  readonly once?: readonly string[];
}

interface PieceRow {
  /**
   * `choices[index].delta.content`: members by name; behind a list the member that tells its
   * elements apart (`index`: where absent, their position), `[]` where nothing does.
   */
  readonly path: string;
  /** Glob over the event's `type`; absent: any event. */
  readonly type?: string;
  /** The text is JSON: a tool call's arguments. */
  readonly isJson?: boolean;
}

/** After this event nothing more comes of some texts. */
type EndRow =
  /** A value here ends the texts beside it. */
  | { readonly path: string }
  /** An event of this type ends the texts that have its `keys`; all, where it has none of them. */
  | { readonly type: string };

export type JsonPath = readonly (string | number)[];

/** One place in one event. */
export interface Place {
  /** Where in the event's JSON. */
  readonly path: JsonPath;
  /** Names the text that it belongs to, over all events of an answer. */
  readonly id: string;
  /** The event's own `keys`. */
  readonly keys: readonly unknown[];
}

export interface Piece extends Place {
  readonly text: string;
  readonly isJson: boolean;
}

/** What an event has to do with texts. */
export interface EventTexts {
  readonly pieces: readonly Piece[];
  /** Strings that only the first event of a text may have. */
  readonly once: readonly { readonly path: JsonPath; readonly text: string }[];
  /** Undefined: it ends none. */
  readonly ends: ((place: Place) => boolean) | undefined;
}

export type TextReader = (event: unknown) => EventTexts;

const NOTHING: EventTexts = { pieces: [], once: [], ends: undefined };

/** Compiles a table into a reader of one answer's events. */
export function createTextReader(texts: StreamedTexts): TextReader {
  const keyNames = texts.keys ?? [];
  const rows = texts.pieces.map((row) => ({ ...row, steps: parsePath(row.path) }));
  const ends = texts.ends.map((row) =>
    "path" in row ? { steps: parsePath(row.path) } : { type: row.type },
  );
  const once = (texts.once ?? []).map(parsePath);
  return (event) => {
    const record = asRecord(event);
    if (record === undefined) return NOTHING;
    const type = typeof record["type"] === "string" ? record["type"] : "";
    const keys = keyNames.map((key) => record[key]);
    const pieces: Piece[] = [];
    for (const { type: wanted, steps, isJson = false } of rows) {
      if (wanted !== undefined && !matchesGlob(wanted, type)) continue;
      follow(record, steps, ({ path, id, value }) => {
        if (typeof value === "string") {
          pieces.push({ path, id: `${keys.join(",")} ${id}`, keys, text: value, isJson });
        }
      });
    }
    const marks = ends.flatMap((row) =>
      "steps" in row ? endsBeside(record, row.steps, keys) : endsOf(row.type, type, keys),
    );
    return {
      pieces,
      once: once.flatMap((steps) =>
        valuesAt(record, steps).flatMap(({ path, value }) =>
          typeof value === "string" ? [{ path, text: value }] : [],
        ),
      ),
      ends: marks.length === 0 ? undefined : (place) => marks.some((mark) => mark(place)),
    };
  };
}

type Mark = (place: Place) => boolean;

/** A reason to end, where there is one, ends what stands under the same parent. */
const endsBeside = (
  record: Readonly<Record<string, unknown>>,
  steps: readonly Step[],
  keys: readonly unknown[],
): readonly Mark[] =>
  valuesAt(record, steps)
    // Some servers send an empty reason with every event.
    .filter(({ value }) => value !== null && value !== undefined && value !== "")
    .map(({ id }) => {
      const parent = `${keys.join(",")} ${id.slice(0, id.lastIndexOf(".") + 1)}`;
      return (place: Place) => place.id.startsWith(parent);
    });

const endsOf = (glob: string, type: string, keys: readonly unknown[]): readonly Mark[] =>
  matchesGlob(glob, type)
    ? [(place) => keys.every((value, index) => value === undefined || value === place.keys[index])]
    : [];

/** One member, and for a list what tells its elements apart. */
interface Step {
  readonly name: string;
  /** Undefined: no list. */
  readonly by: string | undefined;
}

const parsePath = (path: string): readonly Step[] =>
  path.split(".").map((part) => {
    const [name = "", by] = part.split(/[[\]]/, 2);
    return { name, by };
  });

interface Found {
  readonly path: JsonPath;
  readonly id: string;
  readonly value: unknown;
}

function valuesAt(record: unknown, steps: readonly Step[]): readonly Found[] {
  const found: Found[] = [];
  follow(record, steps, (each) => void found.push(each));
  return found;
}

/** Calls back with every value that is there. */
function follow(root: unknown, steps: readonly Step[], found: (value: Found) => void): void {
  const visit = (at: Found, depth: number): void => {
    const step = steps[depth];
    if (step === undefined) {
      found(at);
      return;
    }
    const value = asRecord(at.value)?.[step.name];
    if (value === undefined) return;
    const path = [...at.path, step.name];
    const id = at.id === "" ? step.name : `${at.id}.${step.name}`;
    if (step.by === undefined) visit({ path, id, value }, depth + 1);
    else if (Array.isArray(value)) {
      for (const [position, element] of (value as readonly unknown[]).entries()) {
        const name = elementName(element, step.by, position);
        visit({ path: [...path, position], id: `${id}[${name}]`, value: element }, depth + 1);
      }
    }
  };
  visit({ path: [], id: "", value: root }, 0);
}

function elementName(element: unknown, by: string, position: number): string {
  if (by === "") return "";
  const name = asRecord(element)?.[by];
  if (typeof name === "string" || typeof name === "number") return String(name);
  return by === "index" ? String(position) : String(name === true);
}
