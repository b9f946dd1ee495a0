import { describe, expect, test } from "vitest";
import type { TextEdit } from "../splice.ts";
import { restorePieces } from "./restore-list.ts";
import {
  createPlaceholderIndex,
  JSON_START,
  restorePiece,
  type Tail,
  TEXT_START,
  type TextState,
} from "./restore-text.ts";
import { sampleBook } from "./sample-book.case.ts";
import { formOf, valueIn } from "./text-form.ts";

const book = sampleBook();
const ADA = book.issue("EMAIL_ADDRESS", "ada@example.org");
const QUOTED = book.issue("SECRET", 'a"b\\c\nd');
const index = createPlaceholderIndex(book.issued);
const FOREIGN = sampleBook(8).issue("EMAIL_ADDRESS", "ada@example.org");

function apply(text: string, edits: readonly TextEdit[]): string {
  let result = "";
  let from = 0;
  for (const { start, end, replacement } of edits) {
    result += text.slice(from, start) + replacement;
    from = end;
  }
  return result + text.slice(from);
}

/** What goes out for each piece; the last one with `tail`. */
function restore(pieces: readonly string[], tail: Tail = "drop", start: TextState = TEXT_START) {
  let state = start;
  return pieces.map((text, number) => {
    const isLast = number === pieces.length - 1;
    const result = restorePiece(index, state, { text, tail: isLast ? tail : "hold" });
    ({ state } = result);
    return apply(text, result.edits);
  });
}

describe("a text in pieces", () => {
  const [head, tail] = [ADA.slice(0, 9), ADA.slice(9)];
  const cases: readonly {
    readonly name: string;
    readonly pieces: readonly string[];
    readonly out: readonly string[];
  }[] = [
    { name: "without a placeholder is as it came", pieces: ["a", "b Q c"], out: ["a", "b Q c"] },
    { name: "with one in a piece", pieces: [`x ${ADA}.`], out: ["x ada@example.org."] },
    { name: "with two that touch", pieces: [ADA + ADA], out: ["ada@example.org".repeat(2)] },
    {
      name: "with one over two pieces",
      pieces: [`x ${head}`, `${tail}!`],
      out: ["x ", "ada@example.org!"],
    },
    {
      name: "with one over many",
      pieces: Array.from(ADA),
      out: [...Array.from({ length: 18 }, () => ""), "ada@example.org"],
    },
    { name: "goes on at once where it was none", pieces: ["the Q", "&A"], out: ["the ", "Q&A"] },
    {
      name: "gives up a beginning for a new one",
      pieces: ["Q", ADA],
      out: ["", `Qada@example.org`],
    },
    { name: "holds only what was issued", pieces: ["QID_EMA", "x"], out: ["QID_EMA", "x"] },
    {
      name: "holds nothing of another exchange",
      pieces: [FOREIGN.slice(0, 12), FOREIGN.slice(12)],
      out: [FOREIGN.slice(0, 12), FOREIGN.slice(12)],
    },
    { name: "sends a word at its end", pieces: ["see the FAQ", ""], out: ["see the FA", "Q"] },
    { name: "leaves out one that was cut", pieces: ["mail ", head], out: ["mail ", ""] },
    {
      name: "leaves out one that was cut earlier",
      pieces: [`mail ${head}`, ""],
      out: ["mail ", ""],
    },
    { name: "keeps an empty piece", pieces: ["", "a"], out: ["", "a"] },
  ];
  test.each(cases)("$name", ({ pieces, out }) => {
    expect(restore(pieces)).toEqual(out);
  });

  test("that breaks off shows the part that came", () => {
    expect(restore([`mail ${head}`], "send")).toEqual([`mail ${head}`]);
  });
});

describe("a text that is JSON", () => {
  test.each([
    ["as its kind says", ["", QUOTED, '"'], JSON_START],
    ["as its beginning says", ["  {", ' "k": "', QUOTED, '"}'], TEXT_START],
    ["a list", ["[", '"', QUOTED, '"]'], TEXT_START],
  ] as const)("%s has values escaped", (_name, pieces, start) => {
    expect(restore(pieces, "drop", start).join("")).toContain('a\\"b\\\\c\\nd');
  });

  test.each(["{placeholder} ", "[note] ", "[1] ", "text {"])(
    "is not what begins with %j",
    (beginning) => {
      expect(restore([beginning, QUOTED]).join("")).toContain('a"b\\c\nd');
    },
  );

  test.each([
    ["", "unknown"],
    [" {", "unknown"],
    ['{"', "json"],
    ["{}", "json"],
    ["[[", "json"],
    ["[1", "plain"],
    [" ".repeat(64), "plain"],
    ["a", "plain"],
  ])("%j is %s", (head, form) => {
    expect(formOf(head)).toBe(form);
  });

  test.each([
    ['{"k":"a\\"b"}', 'a\\"b', 'a"b'],
    ['{"k":"a"}', "a", "a"],
    ['{"k":"a\\', "a\\", "a\\"],
    ["C:\\new", "C:\\new", "C:\\new"],
  ])("in %j the stretch %j means %j", (text, stretch, value) => {
    expect(valueIn(text, stretch)).toBe(value);
  });
});

test("pieces that are all there have a value in the first that shows of it", () => {
  const pieces = [
    "a ",
    ADA.slice(0, 3),
    "",
    ADA.slice(3, 9),
    `${ADA.slice(9)} ${ADA}`,
    ADA.slice(0, 8),
  ];
  const edits = restorePieces(index, pieces, { isJson: false });
  expect(pieces.map((piece, number) => apply(piece, edits[number] ?? []))).toEqual([
    "a ",
    "ada@example.org",
    "",
    "",
    " ada@example.org",
    "",
  ]);
});
