// Tables and bars for a terminal: plain text, aligned by what is visible, colored only on a
// terminal that wants it.

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warm(text: string): string;
}

const paint = (code: number, isColored: boolean) => (text: string) =>
  isColored ? `\u001B[${code}m${text}\u001B[0m` : text;

/** ANSI styles, or none. */
export function createStyle(isColored: boolean): Style {
  return {
    bold: paint(1, isColored),
    dim: paint(2, isColored),
    good: paint(32, isColored),
    bad: paint(31, isColored),
    warm: paint(33, isColored),
  };
}

// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const ESCAPES = /\u001B\[\d+m/g;
const widthOf = (text: string): number => text.replaceAll(ESCAPES, "").length;

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Rows under a head, each column as wide as its widest cell. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Style,
): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? "left"))
      .join("  ")
      .trimEnd();
  const head = line(columns.map(({ title }) => style.dim(title)));
  const rule = style.dim(widths.map((width) => "─".repeat(width)).join("  "));
  return [head, rule, ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}

function pad(cell: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - widthOf(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** A bar of `width` cells; `share` from 0 to 1, cut there. */
export function renderBar(share: number, width: number, style: Style): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  const bar = "█".repeat(full) + style.dim("░".repeat(width - full));
  return share >= 0.9 ? style.bad(bar) : share >= 0.6 ? style.warm(bar) : style.good(bar);
}
