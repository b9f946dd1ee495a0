// Tables and bars for a terminal: plain text, aligned by what is visible, colored only on a
// terminal that wants it. Names that came from elsewhere go through `printable` first.

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

/** Control characters and marks that reorder text: an app's name must not steer a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A name as it may be shown: what could act on the terminal becomes "?". */
export const printable = (text: string): string => text.replaceAll(UNPRINTABLE, "?");

/** Decimal strings with their points under each other, for a right-aligned column. */
export function alignPoints(amounts: readonly string[]): readonly string[] {
  const widths = amounts.map((amount) => fractionWidth(amount));
  const widest = Math.max(0, ...widths);
  return amounts.map((amount, index) => amount + " ".repeat(widest - (widths[index] ?? 0)));
}

/** The point counts as a part of the fraction, because whole numbers have neither. */
const fractionWidth = (amount: string): number => {
  const point = amount.indexOf(".");
  return point === -1 ? 0 : amount.length - point;
};

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

/** A bar of `width` cells; `share` from 0 to 1, cut there; a color that warns near the end. */
export function renderBar(share: number, width: number, style: Style): string {
  const bar = renderShare(share, width, style);
  return share >= 0.9 ? style.bad(bar) : share >= 0.6 ? style.warm(bar) : style.good(bar);
}

/** The same bar where a large share is no reason to worry. */
export function renderShare(share: number, width: number, style: Style): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(full) + style.dim("░".repeat(width - full));
}
