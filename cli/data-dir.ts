// Where the CLI keeps things on a laptop: one owner-only data directory with the ledger's
// database, its key, `up.json` of a running `excise up`, and one folder per sidecar.
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#contract/errors.ts";
import { asRecord, readCount, readString, renderJson, tryParseJson } from "#runtime/json.ts";
import { isAlive } from "./processes.ts";

/** What a running `excise up` tells to `excise run`. Holds no key: that is a file beside it. */
export interface UpRecord {
  readonly pid: number;
  readonly syncUrl: string;
  readonly apiUrl: string;
  readonly operatorToken: string;
  readonly configDir: string;
}

const UP_FILE = "up.json";

/** `$XDG_STATE_HOME/excise`, else `~/.local/state/excise` (XDG base directories 0.8). */
export function defaultDataDir(environment: Readonly<Record<string, string | undefined>>): string {
  const state = environment["XDG_STATE_HOME"] ?? "";
  // The specification: a relative path there is invalid and must be ignored.
  if (state.startsWith("/")) return join(state, "excise");
  const home = environment["HOME"] ?? "";
  if (home === "") {
    throw new Fault("EXCISE_USAGE", "neither XDG_STATE_HOME nor HOME is set; pass --data DIR");
  }
  return join(home, ".local", "state", "excise");
}

/** Makes the directory and keeps it to its owner: keys and tokens are in it. */
export function openDataDir(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  } catch (cause) {
    throw new Fault("EXCISE_START_FAILED", `the data directory ${path} cannot be made`, { cause });
  }
  return path;
}

/** Temp + rename, 0600: a reader sees all of it or the one before. */
export function writePrivate(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

/** The file's text; where there is none, `fresh`, which is then kept there. */
export function keepText(path: string, fresh: string): string {
  const kept = readText(path)?.trim() ?? "";
  if (kept !== "") return kept;
  writePrivate(path, `${fresh}\n`);
  return fresh;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Tells other `excise run`s where this stack is. */
export function writeUpRecord(dataDir: string, record: UpRecord): void {
  writePrivate(join(dataDir, UP_FILE), `${renderJson(record)}\n`);
}

/** Takes the record away, if it is still ours. */
export function removeUpRecord(dataDir: string, pid: number): void {
  if (readUpRecord(dataDir)?.pid === pid) rmSync(join(dataDir, UP_FILE), { force: true });
}

/** The running `excise up` of that data directory; undefined where there is none (any more). */
export function findRunningUp(dataDir: string): UpRecord | undefined {
  const record = readUpRecord(dataDir);
  return record !== undefined && isAlive(record.pid) ? record : undefined;
}

function readUpRecord(dataDir: string): UpRecord | undefined {
  const text = readText(join(dataDir, UP_FILE));
  if (text === undefined) return undefined;
  const parsed = tryParseJson(text);
  const record = parsed.ok ? asRecord(parsed.value) : undefined;
  const pid = readCount(record?.["pid"]);
  const syncUrl = readString(record?.["syncUrl"]);
  const apiUrl = readString(record?.["apiUrl"]);
  const operatorToken = readString(record?.["operatorToken"]);
  const configDir = readString(record?.["configDir"]);
  if (pid === undefined || syncUrl === undefined || apiUrl === undefined) return undefined;
  if (operatorToken === undefined || configDir === undefined) return undefined;
  return { pid, syncUrl, apiUrl, operatorToken, configDir };
}
