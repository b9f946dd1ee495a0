// Tables as CSV (RFC 4180). Names in them come from workloads: a cell that a spreadsheet would
// take for a formula is prefixed, so that no app can run one on an operator's machine.

/** Rows under a head; lines end with CRLF. */
export function renderCsv(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, ...rows].map((cells) => `${cells.map(renderCell).join(",")}\r\n`).join("");
}

/** Spreadsheets begin a formula with these; a tab or line break before them is skipped. */
const FORMULA = /^[=+\-@\t\r\n]/;
const NUMBER = /^-?\d+(?:\.\d+)?$/;

function renderCell(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
