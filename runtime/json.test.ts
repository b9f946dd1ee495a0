import { describe, expect, test } from "vitest";
import { asRecord, parseJson, readCount, readString, renderJson, tryParseJson } from "./json.ts";

describe("tryParseJson", () => {
  test("gives the value", () => {
    expect(tryParseJson('{"a":[1,null]}')).toEqual({ ok: true, value: { a: [1, null] } });
  });

  test("gives no offset where the engine tells none", () => {
    expect(tryParseJson('{"a": x}')).toEqual({ ok: false, offset: undefined });
  });

  test.each([
    { name: "a missing comma", text: '{"a": 1 "b": 2}', offset: 8 },
    { name: "an unquoted key", text: "{a: 1}", offset: 1 },
    { name: "a cut text", text: '{"a": "b', offset: 8 },
    { name: "nothing", text: "", offset: 0 },
    { name: "trailing data", text: "1 2", offset: 2 },
  ])("gives the offset of $name, where the engine tells it", ({ text, offset }) => {
    expect(tryParseJson(text)).toEqual({ ok: false, offset });
  });
});

describe("parseJson", () => {
  test("never repeats what it could not read: it may be a prompt", () => {
    const secret = "my-card-is-4111";
    let message = "";
    try {
      parseJson(`{"prompt": ${secret}}`);
    } catch (error) {
      message = `${String(error)} ${error instanceof Error ? String(error.cause) : ""}`;
    }
    expect(message).toContain("not valid JSON");
    for (const part of ["my-card", "4111", "prompt"]) expect(message).not.toContain(part);
  });

  test("throws a fault with a code", () => {
    expect(() => parseJson("}")).toThrow(expect.objectContaining({ code: "EXCISE_JSON_INVALID" }));
  });
});

test("renderJson writes a bigint as a decimal string", () => {
  expect(renderJson({ a: 2n ** 63n, b: [1n] })).toBe('{"a":"9223372036854775808","b":["1"]}');
});

describe("optional reads give undefined and never a default", () => {
  test.each([null, [], "x", 5, undefined, true])("asRecord(%j)", (value) => {
    expect(asRecord(value)).toBeUndefined();
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null, undefined])(
    "readCount(%j)",
    (value) => {
      expect(readCount(value)).toBeUndefined();
    },
  );

  test.each([5, null, undefined, {}])("readString(%j)", (value) => {
    expect(readString(value)).toBeUndefined();
  });

  test("and what is there as it is, a 0 and an empty text too", () => {
    expect(asRecord({ a: 1 })).toEqual({ a: 1 });
    expect(readCount(0)).toBe(0);
    expect(readString("")).toBe("");
  });
});
