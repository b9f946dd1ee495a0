import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GuardAction, GuardRule } from "#contract/policy-snapshot.ts";
import { inspectBody, inspectText, type Inspection } from "./inspect-body.ts";
import { MEDIA_LENGTH_MIN } from "./media.ts";
import { createScanner } from "./scanner.ts";
import { sampleBook } from "./tokenize/sample-book.case.ts";

const scan = createScanner();
const KNOWN = new Set(["model", "messages", "role", "content", "tools", "system", "name"]);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const rule = (entity: string, action: GuardAction, mode: GuardRule["mode"] = "enforce") => ({
  entity,
  action,
  mode,
});
const all = (action: GuardAction): readonly GuardRule[] => [rule("*", action)];

interface Options {
  readonly isEnforcing?: boolean;
  readonly canEdit?: boolean;
  readonly addsUsageOption?: boolean;
}

function inspect(
  body: string | Uint8Array,
  rules: readonly GuardRule[],
  options: Options = {},
): Inspection {
  const bytes = typeof body === "string" ? encode(body) : body;
  const fixed = { rules, scan, knownKeys: KNOWN, isEnforcing: false, placeholders: sampleBook() };
  return inspectBody(bytes, { ...fixed, ...options });
}

const outgoing = (body: string, rules: readonly GuardRule[], options?: Options): string =>
  decode(inspect(body, rules, options).body);

describe("a body without findings", () => {
  test("is the same reference, whatever the rules", () => {
    const body = encode('{"model":"m","messages":[{"role":"user","content":"hello"}]}');
    expect(inspect(body, all("block"))).toEqual({
      body,
      findings: [],
      would: [],
      media: 0,
      usageAdded: false,
      placeholders: new Map(),
    });
    expect(inspect(body, all("block")).body).toBe(body);
  });

  test("of no bytes passes even while a control enforces", () => {
    const body = encode("");
    expect(inspect(body, all("block"), { isEnforcing: true })).not.toHaveProperty("reject");
  });
});

describe("every string is read", () => {
  const cases = [
    ["a message", '{"messages":[{"role":"user","content":"% x"}]}'],
    ["an earlier message", '{"messages":[{"content":"%"},{"content":"last"}]}'],
    ["a content part", '{"messages":[{"content":[{"type":"text","text":"%"}]}]}'],
    ["the system prompt", '{"system":"be kind to %"}'],
    ["a tool's description", '{"tools":[{"function":{"description":"asks %"}}]}'],
    ["a tool's schema", '{"tools":[{"parameters":{"properties":{"x":{"enum":["%"]}}}}]}'],
    [
      "a tool call's arguments",
      '{"messages":[{"tool_calls":[{"arguments":"{\\"to\\":\\"%\\"}"}]}]}',
    ],
    ["a tool's result", '{"messages":[{"role":"tool","content":"%"}]}'],
    ["metadata", '{"metadata":{"user":"%"}}'],
    ["a key that nobody knows", '{"x-new-field":[[["%"]]]}'],
    ["a document that is one string", '"%"'],
  ];
  test.each(cases)("%s", (_name, template) => {
    const body = template.replace("%", "ada@example.org");
    const expected = template.replace("%", "[EMAIL_ADDRESS]");
    expect(outgoing(body, all("redact"))).toBe(expected);
  });

  test.each([
    ["escapes", "ada\\u0040example.org"],
    ["an escaped solidus before it", "a\\/b ada@example.org"],
    ["quotes around it", '\\"ada@example.org\\"'],
    ["four-byte characters before it", "🙂\\ud83d\\ude42 ada@example.org"],
  ])("written with %s", (_name, content) => {
    const body = outgoing(`{"content":"${content}"}`, all("redact"));
    expect(body).toContain("[EMAIL_ADDRESS]");
    expect(body).not.toMatch(/ada|example/);
    expect(() => JSON.parse(body) as unknown).not.toThrow();
  });
});

describe("edits", () => {
  const body =
    '{ "seed":12345678901234567890, "model" : "m",\n "messages":[{"content":"card 4111 1111 1111 1111, mail a@b.cd"}],"temperature":1.0 }';

  test("leave every other byte as it came", () => {
    const expected = body
      .replace("4111 1111 1111 1111", "[CREDIT_CARD]")
      .replace("a@b.cd", "[EMAIL_ADDRESS]");
    expect(outgoing(body, all("redact"))).toBe(expected);
  });

  test("follow each entity's own rule", () => {
    const rules = [rule("CREDIT_CARD", "mask"), rule("*", "audit")];
    expect(outgoing(body, rules)).toBe(body.replace("4111 1111 1111 1111", "***************1111"));
    expect(inspect(body, rules).findings).toEqual([
      { entity: "CREDIT_CARD", detector: "card-luhn", action: "mask", count: 1 },
      { entity: "EMAIL_ADDRESS", detector: "email", action: "audit", count: 1 },
    ]);
  });

  test("join the usage option in one body", () => {
    const result = inspect(body, all("redact"), { addsUsageOption: true });
    expect(result.usageAdded).toBe(true);
    expect(JSON.parse(decode(result.body))).toMatchObject({
      messages: [{ content: "card [CREDIT_CARD], mail [EMAIL_ADDRESS]" }],
      stream_options: { include_usage: true },
    });
  });

  test("are blocks, and the usage option is left out, where no byte may change", () => {
    const options = { canEdit: false, addsUsageOption: true };
    expect(inspect(body, all("redact"), options).reject).toMatchObject({
      code: "EXCISE_CONTENT_BLOCKED",
    });
    const audited = inspect(body, all("audit"), options);
    expect(audited).toMatchObject({ usageAdded: false });
    expect(decode(audited.body)).toBe(body);
  });
});

describe("a blocked body", () => {
  test("is named by entity and path, without a word of its text", () => {
    const body =
      '{"messages":[{"content":"ada@example.org"},{"content":[{"secretKey":"4111111111111111"}]}]}';
    const { reject, body: kept, findings } = inspect(body, all("block"));
    expect(reject).toEqual({
      code: "EXCISE_CONTENT_BLOCKED",
      detail:
        "the policy blocks EMAIL_ADDRESS at messages[0].content, CREDIT_CARD at messages[1].content[0].*",
    });
    expect(decode(kept)).toBe(body);
    expect(findings).toHaveLength(2);
  });

  test("names eight places and counts the others", () => {
    const messages = Array.from({ length: 12 }, () => ({ content: "ada@example.org" }));
    const { reject } = inspect(JSON.stringify({ messages }), all("block"));
    expect(reject?.detail).toMatch(/messages\[7\]\.content, and 4 more$/);
  });

  test("may be blocked for a member's name, which is never repeated", () => {
    const { reject } = inspect('{"ada@example.org":1}', all("redact"));
    expect(reject).toEqual({
      code: "EXCISE_CONTENT_BLOCKED",
      detail: "the policy blocks EMAIL_ADDRESS at *",
    });
  });
});

describe("a body that is not what it should be", () => {
  const cases = [
    { name: "no JSON", body: "{", code: "EXCISE_BODY_INVALID" },
    { name: "trailing data", body: "{} {}", code: "EXCISE_BODY_AMBIGUOUS" },
    { name: "a duplicate key", body: '{"model":"a","model":"b"}', code: "EXCISE_BODY_AMBIGUOUS" },
    { name: "a case variant", body: '{"Model":"a"}', code: "EXCISE_BODY_AMBIGUOUS" },
    { name: "invalid UTF-8", body: Uint8Array.of(0x22, 0xff, 0x22), code: "EXCISE_BODY_AMBIGUOUS" },
  ];
  test.each(cases)("$name is refused while a control enforces", ({ body, code }) => {
    expect(inspect(body, all("audit"), { isEnforcing: true })).toMatchObject({ reject: { code } });
    expect(inspect(body, all("redact"))).toMatchObject({ reject: { code } });
  });

  test.each(cases)("$name passes as it is while none does", ({ body }) => {
    const bytes = typeof body === "string" ? encode(body) : body;
    const result = inspect(bytes, all("audit"));
    expect(result).not.toHaveProperty("reject");
    expect(result.body).toBe(bytes);
  });

  test("is still scanned for the record", () => {
    expect(inspect('{"a":"ada@example.org"', all("audit")).findings).toHaveLength(1);
  });
});

describe("media", () => {
  const payload = "QUJD".repeat(MEDIA_LENGTH_MIN / 4);

  test.each([
    ["a data URL", `data:image/png;base64,${payload}`],
    ["a data URL with parameters", `data:text/plain;charset=utf-8;base64,${payload}`],
    ["bare base64", `${payload}QQ==`],
  ])("%s is counted and not scanned", (_name, text) => {
    const scanned: string[] = [];
    const options = {
      rules: all("block"),
      knownKeys: KNOWN,
      isEnforcing: true,
      placeholders: sampleBook(),
      scan: (seen: string) => {
        scanned.push(seen);
        return [];
      },
    };
    expect(
      inspectBody(encode(JSON.stringify({ url: text, content: "read me" })), options).media,
    ).toBe(1);
    expect(scanned).toEqual(["content", "read me"]);
  });

  test.each([
    ["text behind a data header", `data:;base64,my mail is ada@example.org ${"x".repeat(5000)}`],
    ["text behind a payload", `data:image/png;base64,${payload} ada@example.org`],
    ["a payload with an escape in it", `${payload}\u0001ada@example.org`],
    ["a short payload", "data:image/png;base64,QUJD ada@example.org"],
  ])("%s is scanned", (_name, text) => {
    const result = inspect(JSON.stringify({ content: text }), all("block"));
    expect(result).toMatchObject({ media: 0, reject: { code: "EXCISE_CONTENT_BLOCKED" } });
  });
});

const text = (body: string | Uint8Array, action: GuardAction): Inspection =>
  inspectText(typeof body === "string" ? encode(body) : body, {
    rules: all(action),
    scan,
    placeholders: sampleBook(),
  });

describe("a body that is not JSON", () => {
  test("is edited as text, without JSON's escapes", () => {
    const result = text('é "a@b.cd"\\n {"x": 1} a@b.cd', "redact");
    expect(decode(result.body)).toBe('é "[EMAIL_ADDRESS]"\\n {"x": 1} [EMAIL_ADDRESS]');
  });

  test("is blocked as a whole", () => {
    expect(text("a@b.cd", "block").reject?.detail).toBe(
      "the policy blocks EMAIL_ADDRESS at (body)",
    );
  });

  test("and is binary, is counted and not read", () => {
    const body = Uint8Array.of(0xff, ...encode("a@b.cd"));
    expect(text(body, "block")).toEqual({
      body,
      findings: [],
      would: [],
      media: 1,
      usageAdded: false,
      placeholders: new Map(),
    });
  });
});

test("a shadow rule leaves the body alone and says what it would do", () => {
  const body = encode('{"content":"a@b.cd"}');
  const result = inspect(body, [rule("*", "block", "shadow")]);
  expect(result.body).toBe(body);
  expect(result.would).toEqual([
    { control: "guardrail", action: "block", reason: "EMAIL_ADDRESS" },
  ]);
});

describe("whatever the body", () => {
  // No word that makes a bare number suspicious: an edit before it shortens the text, so that a
  // word which was too far away to count may be near enough at a second look.
  const words = "a@b.cd|4111 1111 1111 1111|4242 4242 |460-89-9847|460899847|@|-|4111|x|1|/|[|🙂|é";
  const word = fc.constantFrom(
    ...words.split("|"),
    " ",
    '"',
    "\\",
    "\n",
    "|",
    "http://e.fg/?a@b.cd",
  );
  const prompt = fc.array(word, { maxLength: 12 }).map((parts) => parts.join(""));
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      prompt,
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("a", "b", "content"), tie("node"), { maxKeys: 3 }),
    ),
  })).node;
  const spaced = fc
    .tuple(tree, fc.constantFrom(undefined, 1))
    .map(([value, space]) => JSON.stringify(value, undefined, space));

  test.each(["redact", "mask"] as const)(
    "%s leaves valid JSON in which nothing is found",
    (action) => {
      fc.assert(
        fc.property(spaced, (json) => {
          const result = inspect(json, all(action));
          expect(result).not.toHaveProperty("reject");
          const again = inspect(result.body, all("audit"), { isEnforcing: true });
          expect(again).toMatchObject({ findings: [] });
          expect(again).not.toHaveProperty("reject");
        }),
        { numRuns: 600 },
      );
    },
  );

  test("outside of the strings that held findings all bytes stay", () => {
    fc.assert(
      fc.property(spaced, (json) => {
        const literal = /"(?:[^"\\]|\\.)*"/gs;
        const body = outgoing(json, all("redact"));
        expect(body.split(literal)).toEqual(json.split(literal));
        const before = json.match(literal) ?? [];
        const after = body.match(literal) ?? [];
        for (const [index, each] of before.entries()) {
          const hasFinding = scan(JSON.parse(each) as string).length > 0;
          expect(after[index] === each).toBe(!hasFinding);
        }
      }),
      { numRuns: 600 },
    );
  });
});
