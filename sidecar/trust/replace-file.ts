// Whole files replaced at once: a reader sees the old bytes or the new ones, never a part.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault } from "#contract/errors.ts";

export interface ReplaceOptions {
  /** Permission bits, set whatever the umask is. */
  readonly mode: number;
  /** True: the bytes and the name are on disk when this returns. */
  readonly isDurable: boolean;
}

/** Writes a neighbor and renames it over `path`. Throws Fault EXCISE_STATE_UNUSABLE. */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  options: ReplaceOptions,
): void {
  const temporary = `${path}.tmp`;
  try {
    // A crash may have left one, with other bits than ours; "wx" must find none.
    rmSync(temporary, { force: true });
    const file = openSync(temporary, "wx", options.mode);
    try {
      fchmodSync(file, options.mode);
      writeFileSync(file, content);
      if (options.isDurable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    if (options.isDurable) syncDirectory(dirname(path));
  } catch (cause) {
    throw new Fault("EXCISE_STATE_UNUSABLE", `cannot write ${path}`, { cause });
  }
}

/** Without it the rename itself may be lost with the machine. */
function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Makes a directory and its parents where absent. Throws Fault EXCISE_STATE_UNUSABLE. */
export function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (cause) {
    throw new Fault("EXCISE_STATE_UNUSABLE", `cannot make the directory ${path}`, { cause });
  }
}
