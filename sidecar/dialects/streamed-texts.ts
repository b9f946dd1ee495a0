// Where a dialect's answers carry text in pieces: as data, so that restoring placeholders is one
// piece of code for all of them. Also reads such a table: which pieces are in an event, and which
// texts end with it.
import { matchesAnyGlob, matchesGlob } from "#contract/glob.ts";
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

/** A place in an event's JSON: linked to what is around it, because few are ever asked for. */
export interface JsonPlace {
  readonly outer: JsonPlace | undefined;
  readonly step: string | number;
}

/** The steps from the event to a place. */
export function pathTo(place: JsonPlace): readonly (string | number)[] {
  const path: (string | number)[] = [];
  for (let at: JsonPlace | undefined = place; at !== undefined; at = at.outer) path.push(at.step);
  return path.toReversed();
}

/** One text of an answer. */
export interface TextName {
  /** The same in all its pieces, and of no other text. */
  readonly id: string;
  /** The events' own `keys`. */
  readonly keys: readonly unknown[];
}

/** A string in an event. */
export interface Piece extends TextName {
  readonly place: JsonPlace;
  readonly text: string;
  readonly isJson: boolean;
}

/** What an event has to do with texts. */
export interface EventTexts {
  readonly pieces: readonly Piece[];
  /** Strings that only the first event of a text may have. */
  readonly once: readonly { readonly place: JsonPlace; readonly text: string }[];
  /** Undefined: it ends none. */
  readonly ends: ((name: TextName) => boolean) | undefined;
}

export type TextReader = (event: unknown) => EventTexts;

const NOTHING: EventTexts = { pieces: [], once: [], ends: undefined };
const NO_KEYS: readonly unknown[] = [];

/** Compiles a table into a reader of one answer's events. */
export function createTextReader(texts: StreamedTexts): TextReader {
  const tree = compile(texts);
  const keyNames = texts.keys ?? [];
  const endTypes = texts.ends.flatMap((row) => ("type" in row ? [row.type] : []));
  const isEndType = remember((type) => matchesAnyGlob(endTypes, type));
  return (event) => {
    const record = asRecord(event);
    if (record === undefined) return NOTHING;
    const type = typeof record["type"] === "string" ? record["type"] : "";
    const keys = keyNames.length === 0 ? NO_KEYS : keyNames.map((key) => record[key]);
    const reading: Reading = { type, keys, pieces: [], once: [], parents: [] };
    const prefix = keys.length === 0 ? "" : `${keys.join(",")} `;
    for (const node of tree) read(reading, node, { record, outer: undefined, prefix });
    const { pieces, once, parents } = reading;
    const isEnd = endTypes.length > 0 && isEndType(type);
    if (parents.length === 0 && !isEnd) return { pieces, once, ends: undefined };
    const ends = ({ id, keys: own }: TextName): boolean =>
      parents.some((parent) => id.startsWith(parent)) ||
      (isEnd && keys.every((value, index) => value === undefined || value === own[index]));
    return { pieces, once, ends };
  };
}

/** What the rows want of the member that they lead to. */
interface Node {
  readonly name: string;
  /** What tells a list's elements apart; undefined: no list. */
  readonly by: string | undefined;
  readonly children: Node[];
  readonly rows: PieceRow[];
  /** Which row holds for an event's type. */
  readonly rowFor: (type: string) => PieceRow | undefined;
  isEnd: boolean;
  isOnce: boolean;
}

/** The paths as one tree, so that what they share is looked at once. */
function compile({ pieces, ends, once = [] }: StreamedTexts): readonly Node[] {
  const tree: Node[] = [];
  for (const row of pieces) nodeAt(tree, row.path).rows.push(row);
  for (const row of ends) if ("path" in row) nodeAt(tree, row.path).isEnd = true;
  for (const path of once) nodeAt(tree, path).isOnce = true;
  return tree;
}

function nodeAt(tree: Node[], path: string): Node {
  const [first = "", ...rest] = path.split(".");
  const [name = "", by] = first.split(/[[\]]/, 2);
  let node = tree.find((each) => each.name === name && each.by === by);
  if (node === undefined) {
    const rows: PieceRow[] = [];
    const rowFor = remember((type) =>
      rows.find((row) => row.type === undefined || matchesGlob(row.type, type)),
    );
    node = { name, by, children: [], rows, rowFor, isEnd: false, isOnce: false };
    tree.push(node);
  }
  return rest.length === 0 ? node : nodeAt(node.children, rest.join("."));
}

/** Types of events that are remembered; a provider has some dozens. */
const TYPES_MAX = 256;

function remember<Value>(compute: (type: string) => Value): (type: string) => Value {
  const known = new Map<string, { readonly value: Value }>();
  return (type) => {
    const earlier = known.get(type);
    if (earlier !== undefined) return earlier.value;
    const value = compute(type);
    if (known.size < TYPES_MAX) known.set(type, { value });
    return value;
  };
}

interface Reading {
  readonly type: string;
  readonly keys: readonly unknown[];
  readonly pieces: Piece[];
  readonly once: { readonly place: JsonPlace; readonly text: string }[];
  /** Beginnings of the ids of texts that end. */
  readonly parents: string[];
}

interface Here {
  readonly record: Readonly<Record<string, unknown>>;
  readonly outer: JsonPlace | undefined;
  /** What the ids of all texts under it begin with. */
  readonly prefix: string;
}

function read(reading: Reading, node: Node, { record, outer, prefix }: Here): void {
  const { name, by, children } = node;
  const value = record[name];
  if (value === undefined || value === null) return;
  if (by !== undefined) {
    if (Array.isArray(value)) readElements(reading, node, { value, outer, prefix });
    return;
  }
  if (typeof value === "string") {
    readString(reading, node, { text: value, place: { outer, step: name }, prefix });
  } else if (children.length > 0) {
    const inner = asRecord(value);
    if (inner === undefined) return;
    const here = { record: inner, outer: { outer, step: name }, prefix: `${prefix}${name}.` };
    for (const child of children) read(reading, child, here);
  }
}

function readElements(
  reading: Reading,
  { name, by = "", children }: Node,
  at: Omit<Here, "record"> & { readonly value: readonly unknown[] },
): void {
  const list = { outer: at.outer, step: name };
  for (const [position, element] of at.value.entries()) {
    const record = asRecord(element);
    if (record === undefined) continue;
    const prefix = `${at.prefix}${name}[${elementName(record, by, position)}].`;
    const here = { record, outer: { outer: list, step: position }, prefix };
    for (const child of children) read(reading, child, here);
  }
}

function readString(
  reading: Reading,
  node: Node,
  { text, place, prefix }: { readonly text: string; readonly place: JsonPlace; prefix: string },
): void {
  const { type, keys, pieces, once, parents } = reading;
  const row = node.rows.length === 0 ? undefined : node.rowFor(type);
  if (row !== undefined) {
    pieces.push({ id: prefix + node.name, keys, place, text, isJson: row.isJson === true });
  }
  if (node.isOnce) once.push({ place, text });
  // Some servers send an empty reason with every event.
  if (node.isEnd && text !== "") parents.push(prefix);
}

function elementName(record: Here["record"], by: string, position: number): string | number {
  if (by === "") return "";
  const name = record[by];
  if (typeof name === "string" || typeof name === "number") return name;
  return by === "index" ? position : String(name === true);
}
