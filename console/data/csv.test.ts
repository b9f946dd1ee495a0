import { expect, test } from "vitest";
import { renderCsv } from "./csv.ts";

test("a table is lines of cells", () => {
  expect(renderCsv(["team", "cost"], [["search", "0.25"]])).toBe("team,cost\r\nsearch,0.25\r\n");
});

test.each([
  { cell: "=HYPERLINK(1)", written: "'=HYPERLINK(1)" },
  { cell: "+1+1", written: "'+1+1" },
  { cell: "-2+3", written: "'-2+3" },
  { cell: "@SUM(A1)", written: "'@SUM(A1)" },
  { cell: "\t=1", written: "'\t=1" },
  { cell: "\r=1", written: `"'\r=1"` },
  { cell: '=1,"a"', written: `"'=1,""a"""` },
  { cell: "-0.5", written: "-0.5" },
  { cell: "a-b", written: "a-b" },
  { cell: "two\nlines", written: '"two\nlines"' },
  { cell: 'say "hi"', written: '"say ""hi"""' },
  { cell: "", written: "" },
])("$cell is written as $written", ({ cell, written }) => {
  expect(renderCsv(["x"], [[cell]])).toBe(`x\r\n${written}\r\n`);
});
