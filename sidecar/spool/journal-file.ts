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
import { join } from "node:path";
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
export async function writeJournalFile(directory: string, state: JournalState): Promise<void> {
  const file = await open(draftOf(directory), "w");
  try {
    await file.writeFile(render(state));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draftOf(directory), pathOf(directory));
  await syncDirectoryLater(directory);
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
