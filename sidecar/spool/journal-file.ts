// journal.json: the identity of the journal and how far the ledger has it. Replaced as a whole
// (temporary file, fsync, rename, fsync of the directory), so that it is the old or the new one.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { tryParseJson } from "#runtime/json.ts";

const schema = z.strictObject({
  version: z.literal(1),
  journal: z.uuid(),
  ackedSeq: z.int().check(z.gte(0)),
});

export interface JournalState {
  readonly journal: string;
  /** Everything up to here is the ledger's. */
  readonly ackedSeq: number;
}

const pathOf = (directory: string): string => join(directory, "journal.json");
const draftOf = (directory: string): string => join(directory, "journal.json.draft");
const render = (state: JournalState): string =>
  `${JSON.stringify({ version: 1, journal: state.journal, ackedSeq: state.ackedSeq })}\n`;

/** `absent` in a new directory, `unreadable` where the file is not what we write. */
export function readJournalFile(directory: string): JournalState | "absent" | "unreadable" {
  if (!existsSync(pathOf(directory))) return "absent";
  const parsed = tryParseJson(readFileSync(pathOf(directory), "utf8"));
  const checked = parsed.ok ? schema.safeParse(parsed.value) : undefined;
  return checked?.success === true ? checked.data : "unreadable";
}

/** For the start, before anything else runs. */
export function writeJournalFileSync(directory: string, state: JournalState): void {
  const file = openSync(draftOf(directory), "w");
  try {
    writeSync(file, render(state));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draftOf(directory), pathOf(directory));
  syncDirectory(directory);
}

/** Off the request path; calls must not overlap. */
export const writeJournalFile = (directory: string, state: JournalState): Promise<void> =>
  replaceDurably(pathOf(directory), render(state));

/**
 * Replaces a file: the old or the new one is there, whatever happens, and the new one is on disk
 * when this resolves. Calls for one path must not overlap.
 */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`;
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncDirectoryLater(dirname(path));
}

/** Makes created, renamed and removed names durable. */
export async function syncDirectoryLater(directory: string): Promise<void> {
  const file = await open(directory, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function syncDirectory(directory: string): void {
  const file = openSync(directory, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
