// @ts-check
// Figures as text: a label and its cells on each line.

/** @typedef {number | string | { mean: number, error: number }} Cell */
/** @typedef {{ columns: string[], rows: [label: string, ...cells: Cell[]][] }} Table */

/** @type {(value: number) => string} */
const signed = (value) => {
  const digits = Math.abs(value).toFixed(2);
  return `${value < 0 && Number(digits) > 0 ? "-" : "+"}${digits}`;
};

/** @type {(share: number) => string} */
export const percent = (share) => `${(100 * share).toFixed(0)}%`;

/** The mean of some numbers and its standard error. @type {(values: readonly number[]) => { mean: number, error: number }} */
export function meanOf(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

/** @type {(cell: Cell) => string} */
function show(cell) {
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return signed(cell);
  return `${signed(cell.mean)} ± ${cell.error.toFixed(2)}`;
}

/** @type {(table: Table) => string} */
export function toText({ columns, rows }) {
  const lines = [["", ...columns], ...rows.map(([label, ...cells]) => [label, ...cells.map(show)])];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map(([label, ...cells]) =>
      [label.padEnd(widths[0]), ...cells.map((cell, i) => cell.padStart(widths[i + 1]))].join("  ").trimEnd(),
    )
    .join("\n");
}
