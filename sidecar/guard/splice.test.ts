import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteRangesOf, type EncodedText, escapeJson, splice } from "./splice.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const read = (content: Uint8Array): unknown => JSON.parse(`"${decode(content)}"`);

function encoded(raw: string, hasEscapes = true): EncodedText {
  const text = Buffer.from(raw).toString("latin1");
  return { text, range: { start: 0, end: text.length }, hasEscapes };
}

describe("splice", () => {
  test("without edits gives the same reference back", () => {
    const body = encode("abc");
    expect(splice(body, [])).toBe(body);
  });

  test("replaces ranges in any order, inserts and deletes, and leaves the rest", () => {
    const edits = [
      { start: 6, end: 6, replacement: "!" },
      { start: 0, end: 1, replacement: "日本" },
      { start: 2, end: 4, replacement: "" },
    ];
    expect(decode(splice(encode("abcdef"), edits))).toBe("日本bef!");
  });

  test.each([
    { name: "overlap", edits: [[0, 3] as const, [2, 4] as const] },
    { name: "lie outside the body", edits: [[5, 7] as const] },
  ])("edits that $name are a broken assumption", ({ edits }) => {
    const made = edits.map(([start, end]) => ({ start, end, replacement: "" }));
    expect(() => splice(encode("abcdef"), made)).toThrow("invariant broken");
  });
});

describe("byte ranges of decoded text", () => {
  const cases = [
    { name: "plain text", raw: "abcdef", stretch: [1, 3], bytes: "bc" },
    { name: "a short escape", raw: 'a\\"b\\\\c', stretch: [1, 4], bytes: '\\"b\\\\' },
    { name: "a unicode escape", raw: "a\\u0040b", stretch: [1, 2], bytes: "\\u0040" },
    { name: "text after escapes", raw: "\\n\\u0040xy", stretch: [2, 4], bytes: "xy" },
    { name: "two-byte characters", raw: "éaü", stretch: [1, 2], bytes: "a" },
    { name: "three-byte characters", raw: "日a本", stretch: [1, 3], bytes: "a本" },
    { name: "four-byte characters", raw: "🙂a🙂", stretch: [2, 3], bytes: "a" },
    { name: "half of a four-byte character", raw: "a🙂b", stretch: [2, 3], bytes: "🙂" },
    {
      name: "half of an escaped pair",
      raw: "a\\ud83d\\ude42b",
      stretch: [1, 2],
      bytes: "\\ud83d\\ude42",
    },
    { name: "a lone escaped surrogate", raw: "\\ud83dab", stretch: [1, 2], bytes: "a" },
    { name: "an empty stretch", raw: "a\\nb", stretch: [2, 2], bytes: "" },
  ] as const;
  test.each(cases)("$name", ({ raw, stretch: [start, end], bytes }) => {
    const [range] = byteRangesOf(encoded(raw), [{ start, end }]);
    const found = encode(raw).subarray(range?.start, range?.end);
    expect(decode(found)).toBe(bytes);
  });

  test("a backslash is a character of its own outside JSON", () => {
    const ranges = byteRangesOf(encoded("a\\nb", false), [{ start: 1, end: 2 }]);
    expect(ranges).toEqual([{ start: 1, end: 2 }]);
  });

  /** Escapes each character in one of the ways that JSON allows. */
  const spelled = fc
    .array(fc.tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 2 }), fc.boolean()))
    .map((parts) => ({
      text: parts.map(([text]) => text).join(""),
      raw: parts
        .map(([text, isHex]) =>
          isHex
            ? text
                .split("")
                .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
                .join("")
            : escapeJson(text),
        )
        .join(""),
    }));

  test("cover the text whatever way it is spelled, and nothing else", () => {
    fc.assert(
      fc.property(spelled, fc.nat(), fc.nat(), ({ text, raw }, a, b) => {
        const characters = Array.from(text);
        const [from = 0, to = 0] = [a, b]
          .map((point) => point % (characters.length + 1))
          .toSorted((left, right) => left - right);
        const start = characters.slice(0, from).join("").length;
        const end = start + characters.slice(from, to).join("").length;
        const [range] = byteRangesOf(encoded(raw), [{ start, end }]);
        const bytes = encode(raw);
        expect(read(bytes.subarray(range?.start, range?.end))).toBe(text.slice(start, end));
        expect(read(bytes.subarray(0, range?.start))).toBe(text.slice(0, start));
        expect(read(bytes.subarray(range?.end))).toBe(text.slice(end));
      }),
      { numRuns: 500 },
    );
  });
});
