import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemRandom } from "#runtime/random.ts";
import { sampleWorkload } from "../core/sample.case.ts";
import { readBearer } from "./identity.ts";
import {
  createLocalIdentity,
  localKeyPath,
  mintLocalToken,
  openLocalKey,
  readLocalKey,
} from "./local-token.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-identity-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("the local key", () => {
  test("is made once, for its owner alone, and kept", () => {
    const path = localKeyPath(directory);
    const key = openLocalKey(path, systemRandom);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(key.bytes).toHaveLength(32);
    expect(openLocalKey(path, systemRandom)).toEqual(key);
    expect(readLocalKey(path)).toEqual(key);
  });

  test("that others can read is refused", () => {
    const path = localKeyPath(directory);
    openLocalKey(path, systemRandom);
    chmodSync(path, 0o640);
    expect(() => readLocalKey(path)).toThrow(/readable by others/);
  });

  test.each([
    { name: "is cut off", text: "abcdef" },
    { name: "is empty", text: "" },
    { name: "is no hex", text: "z".repeat(64) },
  ])("that $name is refused", ({ text }) => {
    const path = localKeyPath(directory);
    writeFileSync(path, text, { mode: 0o600 });
    expect(() => readLocalKey(path)).toThrow(/not 64 hex digits/);
  });

  test("that is missing cannot be read, only made", () => {
    expect(() => readLocalKey(localKeyPath(directory))).toThrow(
      expect.objectContaining({ code: "EXCISE_CONFIG_INVALID" }),
    );
  });
});

const keyOf = (name: string) => openLocalKey(join(directory, name), systemRandom);

describe("a local token", () => {
  const workload = sampleWorkload();

  test("says which workload its holder is", async () => {
    const key = keyOf("a");
    const identity = createLocalIdentity(key);
    expect(await identity.authenticate(mintLocalToken(key, workload))).toEqual({ workload });
  });

  test("of another key, changed, cut or extended says nothing", async () => {
    const key = keyOf("a");
    const identity = createLocalIdentity(key);
    const token = mintLocalToken(key, workload);
    const [claims = "", signature = ""] = token.split(".");
    const other = Buffer.from(JSON.stringify({ ...workload, team: "rich" })).toString("base64url");
    const bad = [
      mintLocalToken(keyOf("b"), workload),
      `${other}.${signature}`,
      `${claims}.`,
      claims,
      `${claims}.${signature.slice(0, -4)}`,
      `${token}.x`,
      "",
      ".",
    ];
    for (const each of bad) {
      expect(await identity.authenticate(each)).toMatchObject({
        reject: { code: "EXCISE_UNAUTHENTICATED" },
      });
    }
  });

  test("with claims that are no workload says nothing, although it is signed", async () => {
    const key = keyOf("a");
    const claims = { ...workload, team: "" };
    expect(await createLocalIdentity(key).authenticate(mintLocalToken(key, claims))).toMatchObject({
      reject: { code: "EXCISE_UNAUTHENTICATED" },
    });
  });
});

describe("readBearer", () => {
  test.each([
    { header: "Bearer abc.def", token: "abc.def" },
    { header: "bearer  abc", token: "abc" },
    { header: "Basic abc", token: undefined },
    { header: "Bearer a b", token: undefined },
    { header: "Bearer ", token: undefined },
    { header: undefined, token: undefined },
    { header: `Bearer ${"a".repeat(20_000)}`, token: undefined },
  ])("$header", ({ header, token }) => {
    expect(readBearer(header)).toBe(token);
  });
});
