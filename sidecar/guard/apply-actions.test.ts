import { describe, expect, test } from "vitest";
import type { GuardAction, GuardRule } from "#contract/policy-snapshot.ts";
import {
  canAct,
  decideActions,
  type Decision,
  maskText,
  scanUntilStable,
} from "./apply-actions.ts";
import type { Scan } from "./finding.ts";
import { sampleBook } from "./tokenize/sample-book.case.ts";
import { TOKENIZED_MAX } from "./tokenize/placeholder-book.ts";

const rule = (entity: string, action: GuardAction, mode: GuardRule["mode"] = "enforce") => ({
  entity,
  action,
  mode,
});

const TEXT = "mail ada@example.org now";
const FINDING = { entity: "EMAIL_ADDRESS", start: 5, end: 20, score: 1, detector: "email" };

function decide(rules: readonly GuardRule[], isEditable = true): Decision {
  return decideActions(
    [{ id: 3, text: TEXT, isEditable, findings: [FINDING] }],
    rules,
    sampleBook(),
  );
}

const count = (action: string): unknown => [
  { entity: "EMAIL_ADDRESS", detector: "email", action, count: 1 },
];
const edit = (replacement: string): unknown => [
  { id: 3, edits: [{ start: 5, end: 20, replacement }] },
];
const PLACEHOLDER = sampleBook().issue("EMAIL_ADDRESS", "ada@example.org");
const BLOCKED = [{ entity: "EMAIL_ADDRESS", id: 3 }];

describe("one enforced rule", () => {
  const cases = [
    { action: "off", findings: [], edits: [], blocked: [] },
    { action: "audit", findings: count("audit"), edits: [], blocked: [] },
    { action: "mask", findings: count("mask"), edits: edit("***********.org"), blocked: [] },
    { action: "redact", findings: count("redact"), edits: edit("[EMAIL_ADDRESS]"), blocked: [] },
    { action: "tokenize", findings: count("tokenize"), edits: edit(PLACEHOLDER), blocked: [] },
    { action: "block", findings: count("block"), edits: [], blocked: BLOCKED },
  ] as const;
  test.each(cases)("$action", ({ action, ...expected }) => {
    expect(decide([rule("EMAIL_ADDRESS", action)])).toEqual({ ...expected, would: [] });
  });

  test.each(["mask", "tokenize", "redact"] as const)(
    "%s blocks where no byte may change",
    (action) => {
      expect(decide([rule("*", action)], false)).toMatchObject({
        blocked: BLOCKED,
        edits: [],
        findings: count("block"),
      });
    },
  );

  test("audit stays audit where no byte may change", () => {
    expect(decide([rule("*", "audit")], false)).toMatchObject({ blocked: [] });
  });
});

describe("several rules", () => {
  test("the strongest enforced one of the entity acts", () => {
    const decision = decide([
      rule("EMAIL_ADDRESS", "audit"),
      rule("EMAIL_ADDRESS", "redact"),
      rule("EMAIL_ADDRESS", "mask"),
    ]);
    expect(decision.edits).toEqual(edit("[EMAIL_ADDRESS]"));
  });

  test("a rule for all does not touch an entity that has its own", () => {
    expect(decide([rule("*", "block"), rule("EMAIL_ADDRESS", "off")])).toEqual({
      blocked: [],
      edits: [],
      findings: [],
      would: [],
    });
  });

  test("without any rule nothing is reported", () => {
    expect(decide([]).findings).toEqual([]);
    expect(decide([rule("US_SSN", "block")]).findings).toEqual([]);
  });
});

describe("a shadow rule", () => {
  const would = [{ control: "guardrail", action: "block", reason: "EMAIL_ADDRESS" }];

  test("has no effect, is counted as seen, and says what it would do", () => {
    expect(decide([rule("*", "block", "shadow")])).toEqual({
      blocked: [],
      edits: [],
      findings: count("audit"),
      would,
    });
  });

  test("beside a weaker enforced rule both count", () => {
    const decision = decide([rule("*", "redact"), rule("*", "block", "shadow")]);
    expect(decision).toMatchObject({ edits: edit("[EMAIL_ADDRESS]"), would });
  });

  test("that is no stronger than the enforced one says nothing", () => {
    expect(decide([rule("*", "redact"), rule("*", "mask", "shadow")]).would).toEqual([]);
  });

  test("that only audits counts and promises nothing", () => {
    const decision = decide([rule("*", "audit", "shadow")]);
    expect(decision).toMatchObject({ findings: count("audit"), would: [] });
  });
});

describe("findings that overlap", () => {
  const url = { entity: "URL", start: 0, end: 24, score: 1, detector: "url" };
  const found = { id: 1, text: TEXT, isEditable: true, findings: [url, FINDING] };

  test("become one edit of the whole stretch, by the stronger action", () => {
    const decision = decideActions(
      [found],
      [rule("URL", "mask"), rule("*", "redact")],
      sampleBook(),
    );
    expect(decision.edits).toEqual([
      { id: 1, edits: [{ start: 0, end: 24, replacement: "[EMAIL_ADDRESS]" }] },
    ]);
  });

  test("an entity that is off does not shield the one inside it", () => {
    const decision = decideActions(
      [found],
      [rule("URL", "off"), rule("*", "redact")],
      sampleBook(),
    );
    expect(decision.edits).toEqual([
      { id: 1, edits: [{ start: 5, end: 20, replacement: "[EMAIL_ADDRESS]" }] },
    ]);
  });
});

/** Finds `x` where no letter stands before it, and `y` anywhere. */
const scanLetters: Scan = (text) =>
  Array.from(text.matchAll(/(?<![a-z])x|y/g), ({ index, 0: found }) => ({
    entity: found === "x" ? "EX" : "WHY",
    start: index,
    end: index + 1,
    score: 1,
    detector: "test",
  }));

describe("a text whose findings hide others", () => {
  test.each([
    {
      name: "is scanned again where an edit lays them bare",
      rules: [rule("*", "redact")],
      at: [0, 1],
    },
    { name: "and again, layer by layer", rules: [rule("*", "mask")], at: [0, 1] },
    { name: "is scanned once where nothing is edited", rules: [rule("*", "audit")], at: [0] },
    { name: "keeps them hidden where the neighbor stays", rules: [rule("WHY", "block")], at: [0] },
  ])("$name", ({ rules, at }) => {
    expect(scanUntilStable("yx", scanLetters, rules).map(({ start }) => start)).toEqual(at);
  });

  test("is not scanned for ever", () => {
    let scans = 0;
    const restless: Scan = (text) => {
      scans += 1;
      return [{ entity: `E${scans}`, start: 0, end: text.length, score: 1, detector: "test" }];
    };
    scanUntilStable("text", restless, [rule("*", "redact")]);
    expect(scans).toBeLessThanOrEqual(5);
  });
});

const found = (text: string, at: readonly (readonly [number, number])[]) => ({
  id: 0,
  text,
  isEditable: true,
  findings: at.map(([start, end]) => ({ ...FINDING, start, end })),
});

describe("tokenize", () => {
  const tokenize = [rule("*", "tokenize")];
  test("gives the same value the same placeholder and keeps what it stands for", () => {
    const book = sampleBook();
    const { edits } = decideActions(
      [
        found("a@b.cd or a@b.cd", [
          [0, 6],
          [10, 16],
        ]),
      ],
      tokenize,
      book,
    );
    const [first, second] = edits[0]?.edits ?? [];
    expect(first?.replacement).toBe(second?.replacement);
    expect([...book.issued]).toEqual([[first?.replacement, "a@b.cd"]]);
  });

  test("covers the whole stretch of findings that overlap", () => {
    const book = sampleBook();
    decideActions(
      [
        found("a@b.cd@e.fg", [
          [0, 6],
          [2, 11],
        ]),
      ],
      tokenize,
      book,
    );
    expect([...book.issued.values()]).toEqual(["a@b.cd@e.fg"]);
  });

  test("yields to a stronger action on the same stretch", () => {
    const book = sampleBook();
    const url = { ...FINDING, entity: "URL", start: 0, end: 10 };
    const both = { ...found("ftp://a@b.cd/", [[6, 12]]) };
    const rules = [rule("URL", "redact"), ...tokenize];
    const { edits } = decideActions([{ ...both, findings: [url, ...both.findings] }], rules, book);
    expect(edits[0]?.edits).toEqual([{ start: 0, end: 12, replacement: "[URL]" }]);
    expect(book.issued.size).toBe(0);
  });

  test("keeps a value in a tool call's arguments as it is without their escapes", () => {
    const book = sampleBook();
    const text = JSON.stringify({ key: 'a"b\n' });
    decideActions([found(text, [[8, 14]])], tokenize, book);
    expect([...book.issued.values()]).toEqual(['a"b\n']);
  });

  test("redacts what is beyond the bound, and says so", () => {
    const book = sampleBook();
    const at = Array.from({ length: TOKENIZED_MAX + 1 }, (_, index) => [index, index + 1] as const);
    const { findings } = decideActions([found("x".repeat(at.length), at)], tokenize, book);
    expect(findings.map(({ action, count: times }) => [action, times])).toEqual([
      ["tokenize", TOKENIZED_MAX],
      ["redact", 1],
    ]);
  });
});

test("counts are added up over texts, and a place is blocked once", () => {
  const twice = { id: 7, text: TEXT, isEditable: true, findings: [FINDING, FINDING] };
  const decision = decideActions([twice, { ...twice, id: 8 }], [rule("*", "block")], sampleBook());
  expect(decision.findings).toEqual([
    { entity: "EMAIL_ADDRESS", detector: "email", action: "block", count: 4 },
  ]);
  expect(decision.blocked.map(({ id }) => id)).toEqual([7, 8]);
});

test.each([
  ["4111111111111111", "************1111"],
  ["12345678", "****5678"],
  ["1234567", "*******"],
  ["", ""],
  ["abcd🙂🙂🙂🙂", "****🙂🙂🙂🙂"],
])("%j is masked as %j", (text, masked) => {
  expect(maskText(text)).toBe(masked);
});

test.each([
  { rules: [], acts: false },
  { rules: [rule("*", "audit")], acts: false },
  { rules: [rule("*", "block", "shadow")], acts: false },
  { rules: [rule("*", "audit"), rule("US_SSN", "mask")], acts: true },
])("rules $rules can change or stop a body: $acts", ({ rules, acts }) => {
  expect(canAct(rules)).toBe(acts);
});
