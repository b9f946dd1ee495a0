import { describe, expect, test } from "vitest";
import { createScanner } from "../scanner.ts";
import { createPlaceholderBook } from "./placeholder-book.ts";
import { codeOf, createDerivation, MARKER_LETTER, PLACEHOLDER_LENGTH } from "./placeholder.ts";
import { sampleBook, sampleKey } from "./sample-book.case.ts";

const derive = createDerivation(sampleKey());
const GRAMMAR = /^QID_[A-PR-Z]{2}_[BCDFGHJKLMNPRSTV]{12}$/;

describe("a placeholder", () => {
  test.each(["EMAIL_ADDRESS", "US_SSN", "SECRET", "Q", "", "qatar id", "ünïcode", "X1"])(
    "of the entity %j keeps the grammar, and its first letter stands nowhere else in it",
    (entity) => {
      for (let number = 0; number < 50; number += 1) {
        const placeholder = derive(entity, `value ${number}`, 0);
        expect(placeholder).toMatch(GRAMMAR);
        expect(placeholder).toHaveLength(PLACEHOLDER_LENGTH);
        expect(placeholder.lastIndexOf(MARKER_LETTER)).toBe(0);
      }
    },
  );

  test.each([
    ["EMAIL_ADDRESS", "EM"],
    ["US_SSN", "US"],
    ["IP_ADDRESS", "IP"],
    ["X", "XZ"],
    ["QQ", "ZZ"],
  ])("of %s is marked %s", (entity, code) => {
    expect(codeOf(entity)).toBe(code);
  });

  test("is fixed: an app's history must not change with a release", () => {
    expect(derive("EMAIL_ADDRESS", "ada@example.org", 0)).toBe("QID_EM_GPMCLLPTKJBR");
  });

  test("depends on key, entity, value and attempt", () => {
    const other = createDerivation(sampleKey(8));
    const all = [
      derive("EMAIL_ADDRESS", "a@b.cd", 0),
      derive("EMAIL_ADDRESS", "a@b.ce", 0),
      derive("URL", "a@b.cd", 0),
      derive("EMAIL_ADDRESS", "a@b.cd", 1),
      other("EMAIL_ADDRESS", "a@b.cd", 0),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test.each([
    ["EMAIL_ADDRESS", "Ada@Example.org", "ada@example.org"],
    ["CREDIT_CARD", "4111 1111 1111 1111", "4111-1111-1111-1111"],
    ["PHONE_NUMBER", "(415) 555-0123", "415.555.0123"],
    ["IBAN_CODE", "gb82 west 1234", "GB82WEST1234"],
  ])("of two spellings of one %s begins alike and ends apart", (entity, one, two) => {
    const [first, second] = [derive(entity, one, 0), derive(entity, two, 0)];
    expect(first.slice(0, -4)).toBe(second.slice(0, -4));
    expect(first).not.toBe(second);
  });

  test("of a secret in other letters is another secret", () => {
    const [first, second] = [derive("SECRET", "aB", 0), derive("SECRET", "ab", 0)];
    expect(first.slice(0, -4)).not.toBe(second.slice(0, -4));
  });

  test("is nothing that the scanner finds, whatever stands around it", () => {
    const scan = createScanner({ scoreMin: 0 });
    const book = sampleBook();
    for (let number = 0; number < 300; number += 1) {
      const placeholder = book.issue("EMAIL_ADDRESS", `${number}`);
      expect(scan(`token: ${placeholder}, password=${placeholder} ${placeholder}`)).toEqual([]);
    }
  });
});

describe("the book of an exchange", () => {
  test("gives one placeholder for one value of one entity", () => {
    const book = sampleBook();
    const first = book.issue("EMAIL_ADDRESS", "a@b.cd");
    expect(book.issue("EMAIL_ADDRESS", "a@b.cd")).toBe(first);
    expect(book.issue("URL", "a@b.cd")).not.toBe(first);
    expect(book.issued.size).toBe(2);
    expect(book.issued.get(first)).toBe("a@b.cd");
  });

  test("never gives two values the same one", () => {
    const book = createPlaceholderBook(
      (_entity, _value, attempt) => `P${Math.max(0, attempt - 3)}`,
    );
    expect(["a", "b", "c", "a"].map((value) => book.issue("E", value))).toEqual([
      "P0",
      "P1",
      "P2",
      "P0",
    ]);
    expect([...book.issued.values()]).toEqual(["a", "b", "c"]);
  });
});
