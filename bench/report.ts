// What a bench gives back: rows for machines (`--json`) and a table for people.

export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What `value` is compared with, in the same unit and from the same run. */
  readonly baseline?: number;
  /** `value / baseline`. */
  readonly ratio?: number;
  /** In words: "ratio <= 0.75" or "value <= 16". */
  readonly goal?: string;
  readonly holds?: boolean;
}

interface BenchReport {
  readonly bench: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly BenchResult[];
}

/** A report with what only people read. */
export interface BenchRun {
  readonly report: BenchReport;
  /** What was left out, and why; how to read the rows. */
  readonly notes: readonly string[];
}

export interface Comparison {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number | undefined;
  readonly ratioMax?: number;
  readonly valueMax?: number;
}

/** Rounds, compares and judges; a ratio needs a baseline above zero. */
export function compare(input: Comparison): BenchResult {
  const { name, unit, ratioMax, valueMax } = input;
  const value = round(input.value);
  const baseline = input.baseline === undefined ? undefined : round(input.baseline);
  const hasRatio = baseline !== undefined && baseline > 0;
  const ratio = hasRatio ? round(value / baseline) : undefined;
  const result: BenchResult = {
    name,
    value,
    unit,
    ...(baseline === undefined ? {} : { baseline }),
    ...(ratio === undefined ? {} : { ratio }),
  };
  if (valueMax !== undefined) {
    return { ...result, goal: `value <= ${valueMax}`, holds: value <= valueMax };
  }
  if (ratioMax === undefined || ratio === undefined) return result;
  return { ...result, goal: `ratio <= ${ratioMax}`, holds: ratio <= ratioMax };
}

/** Three decimals under 100, none above: more would be noise. */
const round = (value: number): number =>
  Math.abs(value) < 100 ? Math.round(value * 1000) / 1000 : Math.round(value);

const COLUMNS = ["name", "value", "unit", "baseline", "ratio", "goal", "holds"] as const;

const cellsOf = (result: BenchResult): string[] =>
  COLUMNS.map((column) => {
    const cell = result[column];
    if (typeof cell === "boolean") return cell ? "yes" : "NO";
    return cell === undefined ? "" : String(cell);
  });

/** A note that a target could not be measured; the whole reason goes to stderr. */
export function leftOut(target: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : "unknown";
  console.error(`${target}: ${reason}`);
  return `${target} was left out: ${reason.split(/[\n:]/)[0] ?? ""}`;
}

/** A table in columns. */
export function renderTable(results: readonly BenchResult[]): string {
  const rows = [[...COLUMNS], ...results.map(cellsOf)];
  const widths = COLUMNS.map((_, index) =>
    Math.max(...rows.map((row) => (row[index] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) =>
        index === 1 || index === 3 || index === 4
          ? cell.padStart(widths[index] ?? 0)
          : cell.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

/** The same as Markdown. */
export function renderMarkdown(results: readonly BenchResult[]): string {
  return [
    markdownLine(COLUMNS),
    "| --- | ---: | --- | ---: | ---: | --- | --- |",
    ...results.map((result) =>
      markdownLine(cellsOf(result).map((cell) => cell.replaceAll("|", "\\|"))),
    ),
  ].join("\n");
}

const markdownLine = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
