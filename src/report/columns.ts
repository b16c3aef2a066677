import type { Paint } from "./paint.ts";
import { columns, padColumns } from "./text.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  /** Cells begin where the title begins, or end where it ends. */
  readonly align: "left" | "right";
  /** Paints a padded cell; default as it is. */
  readonly paint?: (text: string, row: number) => string;
}

const GAP = "  ";

/** The width of a table's column in a terminal's columns, without the gap before it. */
export function widthOfColumn({ title, cells }: Column): number {
  return cells.reduce((most, cell) => Math.max(most, columns(cell)), columns(title));
}

/**
 * Columns side by side under their titles; where the width does not hold them all, one block of them under another, each with
 * the first `keys` columns, which say what a line is of.
 */
export function columnLines(all: readonly Column[], keys: number, width: number, on: Paint): string[] {
  const first = all.slice(0, keys);
  const widthOf = (some: readonly Column[]) =>
    some.reduce((sum, column) => sum + widthOfColumn(column) + GAP.length, -GAP.length);
  const blocks: Column[][] = [];
  for (const column of all.slice(keys)) {
    const block = blocks.at(-1);
    if (block && widthOf([...first, ...block, column]) <= width) block.push(column);
    else blocks.push([column]);
  }
  return blocks.flatMap((block, i) => [...(i > 0 ? [""] : []), ...blockLines([...first, ...block], on)]);
}

function blockLines(block: readonly Column[], on: Paint): string[] {
  const widths = block.map(widthOfColumn);
  const pad = (text: string, i: number) => {
    if (block[i].align === "right") return " ".repeat(Math.max(0, widths[i] - columns(text))) + text;
    return i < block.length - 1 ? padColumns(text, widths[i]) : text;
  };
  const head = block.map(({ title }, i) => pad(title, i)).join(GAP);
  const rows = block[0].cells.map((_, row) =>
    block.map(({ cells, paint = (text) => text }, i) => paint(pad(cells[row], i), row)).join(GAP),
  );
  return [on.dim(head.trimEnd()), ...rows.map((row) => row.trimEnd())];
}
