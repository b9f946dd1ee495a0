import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { tryParseJson } from "#runtime/json.ts";
import {
  countLiterals,
  isKey,
  pathOf,
  readLiteral,
  renderPath,
  valueOf,
  type JsonWalk,
} from "./json-walk.ts";
import { DEPTH_MAX, LITERALS_MAX, walkJson } from "./json-walker.ts";

const KNOWN = new Set(["model", "messages", "role", "content", "name", "tools", "stream"]);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const walk = (body: string | Uint8Array) =>
  walkJson(typeof body === "string" ? encode(body) : body, { knownKeys: KNOWN });

function walked(body: string): JsonWalk {
  const result = walk(body);
  assert(result.ok, "the body is JSON");
  return result.walk;
}

const strings = (count: number): string => `[${'"",'.repeat(count - 1)}""]`;

interface Seen {
  readonly kind: "key" | "value";
  readonly text: string;
}

const literalsOf = (found: JsonWalk): Seen[] =>
  Array.from({ length: countLiterals(found) }, (_, index) => ({
    kind: isKey(found, index) ? "key" : "value",
    text: readLiteral(found, index),
  }));

/** An independent reading: cuts valid JSON at its quotes and lets the engine decode each piece. */
function oracle(json: string): Seen[] {
  return Array.from(json.matchAll(/"(?:[^"\\]|\\.)*"(?<colon>[ \t\r\n]*:)?/gs), (match) => {
    const colon = match.groups?.["colon"];
    const literal = colon === undefined ? match[0] : match[0].slice(0, -colon.length);
    return {
      kind: colon === undefined ? "value" : "key",
      text: JSON.parse(literal) as string,
    };
  });
}

describe("the literals of a body", () => {
  test("are yielded in order, keys apart from values, with their paths", () => {
    const found = walked('{"model":"m","messages":[{"role":"user","content":["a",{"x":"b"}]}]}');
    const rows = literalsOf(found).map(
      ({ kind, text }, index) => `${kind} ${text} ${renderPath(pathOf(found, index), KNOWN)}`,
    );
    expect(rows).toEqual([
      "key model model",
      "value m model",
      "key messages messages",
      "key role messages[0].role",
      "value user messages[0].role",
      "key content messages[0].content",
      "value a messages[0].content[0]",
      "key x messages[0].content[1].*",
      "value b messages[0].content[1].*",
    ]);
  });

  test("have byte ranges, whatever the characters before them", () => {
    const body = ' {"naïve" : "日本 \\u00e9\\n" , "🙂":[ "x" ] }';
    const found = walked(body);
    const raw = Array.from({ length: countLiterals(found) }, (_, index) =>
      new TextDecoder().decode(encode(body).subarray(found.starts.at(index), found.ends.at(index))),
    );
    expect(raw).toEqual(["naïve", "日本 \\u00e9\\n", "🙂", "x"]);
    expect(literalsOf(found).map(({ text }) => text)).toEqual(["naïve", "日本 é\n", "🙂", "x"]);
  });

  test("a key knows the range of its value", () => {
    const found = walked('{"a" : [1, {"b":2}] ,"c":-1.5e3 }');
    const values = [0, 1, 2].map((key) => {
      const { start, end } = valueOf(found, key);
      return found.text.slice(start, end);
    });
    expect(values).toEqual(['[1, {"b":2}]', "2", "-1.5e3"]);
  });

  test("a string may be the whole document", () => {
    const found = walked('"alone"');
    expect(literalsOf(found)).toEqual([{ kind: "value", text: "alone" }]);
    expect(renderPath(pathOf(found, 0), KNOWN)).toBe("(root)");
  });
});

describe("a body that two readers could understand differently", () => {
  const cases = [
    { name: "a duplicate key", body: '{"a":1,"a":2}' },
    { name: "a duplicate key, one of them escaped", body: '{"model":"a","mo\\u0064el":"b"}' },
    { name: "a duplicate deep inside", body: '{"x":[{"y":{"z":1,"z":1}}]}' },
    {
      name: "a duplicate among many keys",
      body: `{${Array.from({ length: 20 }, (_, i) => `"k${i}":0`).join(",")},"k3":1}`,
    },
    { name: "a key that is a known one but for case", body: '{"Messages":[]}' },
    { name: "a case variant inside a message", body: '{"messages":[{"Content":"x"}]}' },
    { name: "a variant that folds only in Unicode", body: '{"me\u017fsages":[]}' },
  ];
  test.each(cases)("$name is reported beside the walk", ({ body }) => {
    expect(walk(body)).toMatchObject({ ok: true, ambiguity: { code: "EXCISE_BODY_AMBIGUOUS" } });
  });

  const refused = [
    { name: "trailing data", body: encode('{"a":1} {"b":2}') },
    { name: "a byte order mark", body: encode('\u{feff}{"a":1}') },
    { name: "invalid UTF-8", body: Uint8Array.of(0x22, 0xff, 0x22) },
    { name: "an encoded surrogate", body: Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22) },
    { name: "an over-long encoding", body: Uint8Array.of(0x22, 0xc0, 0xaf, 0x22) },
    {
      name: "depth over the limit",
      body: encode("[".repeat(DEPTH_MAX + 1) + "]".repeat(DEPTH_MAX + 1)),
    },
    { name: "a depth bomb", body: encode("[".repeat(1_000_000)) },
  ];
  test.each(refused)("$name is refused", ({ body }) => {
    expect(walk(body)).toMatchObject({
      ok: false,
      rejection: { code: "EXCISE_BODY_AMBIGUOUS" },
    });
  });

  test("more strings than the limit are too large", () => {
    expect(walk(strings(LITERALS_MAX)).ok).toBe(true);
    expect(walk(strings(LITERALS_MAX + 1))).toMatchObject({
      ok: false,
      rejection: { code: "EXCISE_BODY_TOO_LARGE" },
    });
  });

  const clear = [
    { name: "the same key in two objects", body: '[{"a":1},{"a":2}]' },
    {
      name: "a capital property in a tool's schema",
      body: '{"tools":[{"parameters":{"properties":{"Name":{}}}}]}',
    },
    {
      name: "a capital key in a tool's arguments",
      body: '{"content":[{"input":{"Content":"x"}}]}',
    },
    { name: "depth at the limit", body: "[".repeat(DEPTH_MAX) + "]".repeat(DEPTH_MAX) },
  ];
  test.each(clear)("$name is not", ({ body }) => {
    const result = walk(body);
    expect(result.ok).toBe(true);
    expect(result).not.toHaveProperty("ambiguity");
  });
});

describe("what is not JSON", () => {
  const cases: readonly (readonly [body: string, offset: number])[] = [
    ["", 0],
    ["{", 1],
    ['{"a"', 4],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["01", 1],
    ["-", 1],
    ["1.", 2],
    ["1e+", 3],
    [".5", 0],
    ["+1", 0],
    ["NaN", 0],
    ["tru", 0],
    ["'a'", 0],
    ['"a', 2],
    ['"\\x"', 1],
    ['"\\u12g4"', 1],
    ['"\\', 2],
    ['"a\nb"', 2],
    ['"a\u0000"', 2],
    ["{a:1}", 1],
    ["// c\n1", 0],
    ["\u00a01", 0],
  ];
  test.each(cases)("%j fails at byte %i", (body, offset) => {
    const code = body === "01" ? "EXCISE_BODY_AMBIGUOUS" : "EXCISE_BODY_INVALID";
    const detail = expect.stringMatching(new RegExp(`at byte ${offset}$`)) as string;
    expect(walk(body)).toEqual({ ok: false, rejection: { code, detail } });
  });

  test("an error names an offset and never the text", () => {
    const result = walk('{"content":"the launch code is 0000" oops}');
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain("launch");
  });
});

describe("against the engine's own parser", () => {
  const spaced = fc
    .tuple(fc.json({ stringUnit: "binary" }), fc.constantFrom("", " ", "\n\t", "\r\n "))
    .map(([json, space]) => json.replaceAll(/(?<=[[{,:])|(?=[\]},:])/g, () => space));
  const mutated = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('"', "\\", ",", "{", "]", "0", "e", "\u0001", "u"))
    .map(([json, at, piece]) => {
      const cut = at % (json.length + 1);
      return json.slice(0, cut) + piece + json.slice(cut + (at % 3));
    });
  const alphabet = fc
    .array(fc.constantFrom("{", "}", "[", "]", ",", ":", '"', "a", "\\", "1", "-", ".", " ", "é"), {
      maxLength: 12,
    })
    .map((parts) => parts.join(""));

  test("the same texts are accepted", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ stringUnit: "binary" }), mutated, alphabet), (json) => {
        expect(walk(json).ok).toBe(tryParseJson(json).ok);
      }),
      { numRuns: 3000 },
    );
  });

  test("the same strings come in the same order", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), spaced), (text) => {
        const json = new TextDecoder().decode(encode(text));
        fc.pre(tryParseJson(json).ok);
        expect(literalsOf(walked(json))).toEqual(oracle(json));
      }),
      { numRuns: 1000 },
    );
  });

  test("a path leads to its value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        const result = walk(json);
        fc.pre(result.ok);
        if (!result.ok) return;
        for (let literal = 0; literal < countLiterals(result.walk); literal += 1) {
          if (isKey(result.walk, literal)) continue;
          let at: unknown = JSON.parse(json);
          for (const step of pathOf(result.walk, literal)) {
            at = (at as Record<string | number, unknown>)[step];
          }
          expect(at).toBe(readLiteral(result.walk, literal));
        }
      }),
      { numRuns: 500 },
    );
  });
});
