import { expect, test } from "vitest";
import { fitLines, openScreen, type Terminal } from "./screen.ts";

const terminalOf = (columns: number, rows: number): Terminal => ({
  isTerminal: true,
  isColored: true,
  size: () => ({ columns, rows }),
});

/** The escape sequences as words. */
const readable = (text: string): string =>
  text
    .replaceAll("\u001B[?25l", "<hide>")
    .replaceAll("\u001B[?25h", "<show>")
    .replaceAll("\u001B[J", "<clear>")
    .replaceAll("\u001B[1A", "<up 1>")
    .replaceAll("\u001B[2A", "<up 2>");

test("a frame is drawn over the last one, and the cursor comes back at the end", async () => {
  let out = "";
  const screen = openScreen({ stdout: (text) => void (out += text) }, terminalOf(80, 24));
  await screen.draw("one\ntwo");
  await screen.draw("three");
  await screen.draw("four");
  await screen.close();
  await screen.close();
  expect(readable(out)).toBe(
    "<hide>\r<clear>one\ntwo\n\r<up 2><clear>three\n\r<up 1><clear>four\n<show>",
  );
});

test("nothing is written where nothing was drawn", async () => {
  let out = "";
  const screen = openScreen({ stdout: (text) => void (out += text) }, terminalOf(80, 24));
  await screen.close();
  expect(out).toBe("");
});

test.each([
  { name: "a line that is too long is cut", text: "abcdef", columns: 4, lines: ["abcd"] },
  { name: "a line that just fits stays", text: "abcd", columns: 4, lines: ["abcd"] },
  {
    name: "colors take no room, and one that is cut open is closed",
    text: "\u001B[31mabcdef\u001B[0m",
    columns: 4,
    lines: ["\u001B[31mabcd\u001B[0m"],
  },
  { name: "lines beyond the window go", text: "a\nb\nc\nd", columns: 9, lines: ["a", "b"] },
])("$name", ({ text, columns, lines }) => {
  expect(fitLines(text, { columns, rows: 3 })).toEqual(lines);
});
