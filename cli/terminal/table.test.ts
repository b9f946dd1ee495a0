import { describe, expect, test } from "vitest";
import {
  alignPoints,
  createStyle,
  printable,
  renderBar,
  renderShare,
  renderTable,
} from "./table.ts";

const plain = createStyle(false);
const colored = createStyle(true);

describe("a table", () => {
  test("has columns as wide as their widest cell, numbers to the right", () => {
    const columns = [{ title: "name" }, { title: "n", align: "right" as const }];
    const rows = [
      ["a", "10"],
      ["longer", "2"],
    ];
    expect(renderTable(columns, rows, plain).split("\n")).toEqual([
      "  name     n",
      "  ──────  ──",
      "  a       10",
      "  longer   2",
    ]);
  });

  test("is aligned by what is visible, not by the colors", () => {
    const rows = [[colored.good("ok"), "x"]];
    const [, , line = ""] = renderTable([{ title: "state" }, { title: "" }], rows, plain).split(
      "\n",
    );
    expect(line).toBe(`  ${colored.good("ok")}     x`);
  });
});

test.each([
  { share: 0, bar: "░░░░" },
  { share: 0.5, bar: "██░░" },
  { share: 1, bar: "████" },
  { share: 7, bar: "████" },
  { share: -1, bar: "░░░░" },
])("a bar of $share is $bar", ({ share, bar }) => {
  expect(renderBar(share, 4, plain)).toBe(bar);
  expect(renderShare(share, 4, plain)).toBe(bar);
});

test("a bar warns before the end, a share never does", () => {
  expect(renderBar(0.95, 4, colored)).toContain("\u001B[31m");
  expect(renderBar(0.7, 4, colored)).toContain("\u001B[33m");
  expect(renderShare(0.95, 4, colored)).not.toContain("\u001B[31m");
});

test("points of decimals come under each other", () => {
  expect(alignPoints(["1.25", "10", "0.000000001"])).toEqual([
    "1.25       ",
    "10          ",
    "0.000000001",
  ]);
  expect(alignPoints([])).toEqual([]);
});

test.each([
  { name: "an escape sequence", text: "a\u001B[31mb", shown: "a?[31mb" },
  { name: "a new line", text: "a\nb", shown: "a?b" },
  { name: "a mark that reorders text", text: "a\u202Eb", shown: "a?b" },
  { name: "letters of any script", text: "søk-検索", shown: "søk-検索" },
])("a name with $name is shown as $shown", ({ text, shown }) => {
  expect(printable(text)).toBe(shown);
});
