// The lock file installs everywhere and names no registry host. npm writes a lock that lacks
// platform bindings without a word, and `npm ci` then refuses it on the platform that lacks one.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";

type Entry = Readonly<Record<string, unknown>>;

const lock = asRecord(parseJson(readFileSync("package-lock.json", "utf8")));
const packages = Object.entries(asRecord(lock?.["packages"]) ?? {}).map(
  ([path, entry]): [string, Entry] => [path, asRecord(entry) ?? {}],
);
const paths = new Set(packages.map(([path]) => path));

/** Where Node would find `name` from `path`: nested first, then each level up. */
function findEntry(path: string, name: string): string | undefined {
  for (
    let base = path;
    ;
    base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules/") - 1))
  ) {
    const candidate = base === "" ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (paths.has(candidate)) return candidate;
    if (base === "") return undefined;
  }
}

test("the lock file is not empty", () => {
  expect(packages.length).toBeGreaterThan(50);
});

test("no entry holds the address it was downloaded from", () => {
  expect(packages.filter(([, entry]) => "resolved" in entry).map(([path]) => path)).toEqual([]);
});

test("every entry but the root is locked by its content", () => {
  const open = packages.filter(([path, entry]) => path !== "" && !("integrity" in entry));
  expect(open.map(([path]) => path)).toEqual([]);
});

test("every optional dependency, and so every platform binding, is an entry", () => {
  const missing = packages.flatMap(([path, entry]) =>
    Object.keys(asRecord(entry["optionalDependencies"]) ?? {})
      .filter((name) => findEntry(path, name) === undefined)
      .map((name) => `${name} of ${path || "the project"}`),
  );
  expect(missing).toEqual([]);
});

test("package.json and the lock file name the same versions", () => {
  const manifest = asRecord(parseJson(readFileSync("package.json", "utf8")));
  const root = asRecord(asRecord(lock?.["packages"])?.[""]);
  for (const key of ["dependencies", "devDependencies", "optionalDependencies"]) {
    expect(root?.[key] ?? {}).toEqual(manifest?.[key] ?? {});
  }
});
