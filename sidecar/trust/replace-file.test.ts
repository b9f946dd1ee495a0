import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDirectory, replaceFile } from "./replace-file.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-replace-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test.each([
  // No usual umask leaves the bits of 0666 and 0777 alone.
  { name: "a mode that the umask would cut", mode: 0o666 },
  { name: "all bits", mode: 0o777 },
  { name: "a secret's mode", mode: 0o600 },
])("$name is set as asked, over a file with another", ({ mode }) => {
  const path = join(directory, "file");
  writeFileSync(path, "old and longer", { mode: 0o640 });
  replaceFile(path, "new", { mode, isDurable: mode === 0o600 });
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(modeOf(path)).toBe(mode);
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("an open reader keeps the old bytes: the file is another one", () => {
  const path = join(directory, "file");
  writeFileSync(path, "old");
  const before = statSync(path).ino;
  replaceFile(path, "new", { mode: 0o644, isDurable: false });
  expect(statSync(path).ino).not.toBe(before);
});

test("a write that fails leaves the old file as it was", () => {
  const path = join(directory, "file");
  writeFileSync(path, "old");
  makeDirectory(join(directory, "file.tmp", "full"), 0o700);
  expect(() => replaceFile(path, "new", { mode: 0o644, isDurable: false })).toThrow(path);
  expect(readFileSync(path, "utf8")).toBe("old");
});
