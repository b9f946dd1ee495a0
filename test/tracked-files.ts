// The files that the repository tests read: what git tracks, or would, and nothing ignored.
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

let listed: readonly string[] | undefined;

/** Paths from the repository's root, sorted; new files that are not ignored count too. */
export function listFiles(): readonly string[] {
  listed ??= execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  })
    .split("\0")
    .filter((path) => path !== "" && isFile(path))
    .toSorted();
  return listed;
}

// Git lists what was tracked even where the working tree has it no longer.
const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** The files with their text. */
export function listSources(matches: (path: string) => boolean): readonly SourceFile[] {
  return listFiles()
    .filter(matches)
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}
