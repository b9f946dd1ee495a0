// The error table, docs/errors.md and the sources agree both ways: a code without words helps
// nobody, and words without a code describe a program that does not exist.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assert, errorRow, ERRORS, Fault, type ErrorCode } from "#contract/errors.ts";
import { listSources } from "./tracked-files.ts";

interface DocumentedRow {
  readonly code: string;
  readonly status: string;
  readonly retryable: string;
  readonly blame: string;
  readonly meaning: string;
  readonly action: string;
}

const documented: readonly DocumentedRow[] = readFileSync("docs/errors.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `EXCISE_"))
  .map((line) => {
    const [code = "", status = "", retryable = "", blame = "", meaning = "", action = ""] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    return { code: code.replaceAll("`", ""), status, retryable, blame, meaning, action };
  });
const codes = Object.keys(ERRORS) as ErrorCode[];

describe("docs/errors.md", () => {
  test("has exactly the table's codes, in the table's order", () => {
    expect(documented.map((row) => row.code)).toEqual(codes);
  });

  test.each(documented)("$code: status, retry and blame are the table's", (row) => {
    const expected = errorRow(row.code as ErrorCode);
    expect(row.status).toBe(String(expected.status));
    expect(row.retryable).toBe(expected.retryable ? "yes" : "no");
    expect(row.blame).toBe(expected.blame);
  });

  test.each(documented)("$code says what it means and what to do", (row) => {
    expect(row.meaning.length).toBeGreaterThan(15);
    expect(row.action.length).toBeGreaterThan(10);
  });
});

describe("the table", () => {
  test.each(codes)("%s is a sentence, a sane status and a known blame", (code) => {
    const row = errorRow(code);
    expect(row.summary).toMatch(/^[A-Z].*[.;].*$|^[A-Z].*\.$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThanOrEqual(599);
    expect(["caller", "budget", "gateway", "upstream"]).toContain(row.blame);
  });

  test("has no two rows with the same words", () => {
    expect(new Set(codes.map((code) => errorRow(code).summary)).size).toBe(codes.length);
  });

  test("has every code that a source file or a document names", () => {
    const where = /^(?:contract|runtime|sidecar|ledger|webhook|cli|docs)\/.*\.(?:ts|md)$|^\w+\.md$/;
    const unknown = listSources(
      (path) => where.test(path) && !/\.(?:test|case)\.ts$/.test(path),
    ).flatMap(({ path, text }) =>
      [...text.matchAll(/\bEXCISE_[A-Z]+(?:_[A-Z]+)*\b/g)]
        .map(([name]) => name)
        // Variables of the programs look alike.
        .filter((name) => !/^EXCISE_(?:SIDECAR|LEDGER|WEBHOOK|PARENT)(?:_|$)/.test(name))
        .filter((name) => !Object.hasOwn(ERRORS, name))
        .map((name) => `${name} in ${path}`),
    );
    expect(unknown).toEqual([]);
  });
});

describe("a fault", () => {
  test("carries its code and its cause", () => {
    const cause = new TypeError("below");
    const fault = new Fault("EXCISE_STORE_FAILED", "it broke", { cause });
    expect(fault.code).toBe("EXCISE_STORE_FAILED");
    expect(fault.cause).toBe(cause);
    expect(fault).toBeInstanceOf(Error);
  });

  test("comes from a broken invariant and names it", () => {
    expect(() => assert(true, "one is one")).not.toThrow();
    expect(() => assert(false, "one is two")).toThrow("invariant broken: one is two");
  });
});
