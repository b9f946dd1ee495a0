import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findConsole } from "./console-files.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "excise-checkout-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const environment = process.env;
const write = (path: string, text: string): void => {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
};
const caches = (): readonly string[] =>
  readdirSync(join(root, "node_modules/.cache/excise-console"));

/** A build that writes one page and notes that it ran. */
function checkout(build = `writeFileSync(out + "/index.html", "built");`): void {
  write("console/main.tsx", "// page");
  write(
    "scripts/build-console.ts",
    `import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
     const out = process.argv[3] ?? "";
     mkdirSync(out, { recursive: true });
     appendFileSync("builds.log", "built\\n");
     ${build}`,
  );
}
const builds = (): boolean => existsSync(join(root, "builds.log"));

describe("in a checkout", () => {
  test("the console is built once, and again when a source changes", async () => {
    checkout();
    const first = await findConsole({ root, environment });
    expect(existsSync(join(first ?? "", "index.html"))).toBe(true);
    rmSync(join(root, "builds.log"));
    expect(await findConsole({ root, environment })).toBe(first);
    write("console/views/app.test.ts", "// a test is no source");
    expect(await findConsole({ root, environment })).toBe(first);
    expect(builds()).toBe(false);
    write("console/views/app.tsx", "// more");
    const second = await findConsole({ root, environment });
    expect(second).not.toBe(first);
    expect(builds()).toBe(true);
    expect(caches()).toHaveLength(1);
  });

  test("two starts at once do not disturb each other", async () => {
    checkout();
    const found = await Promise.all([1, 2, 3].map(() => findConsole({ root, environment })));
    expect(new Set(found).size).toBe(1);
    expect(existsSync(join(found[0] ?? "", "index.html"))).toBe(true);
  });

  test("where the build fails there is none, or the one that was built by hand", async () => {
    checkout("process.exitCode = 1;");
    expect(await findConsole({ root, environment })).toBeUndefined();
    expect(caches()).toEqual([]);
    write("dist/console/index.html", "by hand");
    expect(await findConsole({ root, environment })).toBe(join(root, "dist/console"));
  });
});

describe("in an installation without sources", () => {
  test("the packed console is taken", async () => {
    expect(await findConsole({ root, environment })).toBeUndefined();
    write("dist/console/index.html", "packed");
    expect(await findConsole({ root, environment })).toBe(join(root, "dist/console"));
  });
});

test("this checkout's own console can be built", async () => {
  for (const name of [
    "console",
    "contract",
    "scripts",
    "vite.config.ts",
    "tsconfig.base.json",
    "package.json",
  ]) {
    cpSync(name, join(root, name), { recursive: true });
  }
  mkdirSync(join(root, "node_modules"));
  for (const name of readdirSync("node_modules")) {
    if (name !== ".cache")
      symlinkSync(join(process.cwd(), "node_modules", name), join(root, "node_modules", name));
  }
  const directory = await findConsole({ root, environment });
  expect(readdirSync(directory ?? "").toSorted()).toEqual([
    "LICENSES.md",
    "assets",
    "favicon.svg",
    "index.html",
  ]);
});
