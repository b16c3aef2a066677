import { greatest, signed } from "./numbers.ts";
import type { Paint } from "./paint.ts";

/** The scores of heads by layer and head, and which rows are no heads. */
export interface HeadGrid {
  /** [layer][head]; the index of a head's row. */
  readonly layers: readonly (readonly number[])[];
  /** The indices of the other rows. */
  readonly others: readonly number[];
}

/** The grid that labels like `L3H7` make; undefined where layers differ in their heads, or a label is missing. */
export function headGrid(labels: readonly string[]): HeadGrid | undefined {
  const layers: number[][] = [];
  const others: number[] = [];
  for (const [row, label] of labels.entries()) {
    const match = /^L(\d+)H(\d+)$/.exec(label);
    if (!match) {
      others.push(row);
      continue;
    }
    const [layer, head] = [Number(match[1]), Number(match[2])];
    if (head === 0 && layer === layers.length) layers.push([]);
    if (layer !== layers.length - 1 || head !== layers[layer].length) return undefined;
    layers[layer].push(row);
  }
  return layers.length > 0 && layers.every(({ length }) => length === layers[0].length)
    ? { layers, others }
    : undefined;
}

/**
 * Layers × heads, the numbers on a ground of their sign and strength. Fewer decimals, then several blocks of
 * heads, where the width does not hold them all.
 *
 * @param max what the strongest ground stands for
 */
export function renderGrid(
  grid: HeadGrid,
  scores: ArrayLike<number>,
  options: { decimals: number; max: number; width: number; paint: Paint; withSign?: boolean },
): string[] {
  const { max, width, paint, withSign = true } = options;
  const heads = grid.layers[0].length;
  const values = grid.layers.flat().map((row) => scores[row]);
  const labelWidth = `L${grid.layers.length - 1}`.length;
  const show = (value: number, decimals: number) =>
    withSign ? signed(value, decimals) : value.toFixed(decimals);
  const cellWidth = (decimals: number) =>
    Math.max(`H${heads - 1}`.length, ...values.map((value) => show(value, decimals).length)) + 1;

  const least = Math.min(options.decimals, decimalsOf(greatest(values)));
  let { decimals } = options;
  while (decimals > least && labelWidth + heads * cellWidth(decimals) > width) decimals--;
  const cell = cellWidth(decimals);
  const blocks = Math.ceil(heads / Math.max(1, Math.floor((width - labelWidth) / cell)));
  const perBlock = Math.ceil(heads / blocks);

  const lines: string[] = [];
  for (let first = 0; first < heads; first += perBlock) {
    const block = Array.from({ length: Math.min(perBlock, heads - first) }, (_, i) => first + i);
    if (first > 0) lines.push("");
    lines.push(paint.dim(" ".repeat(labelWidth) + block.map((head) => `H${head}`.padStart(cell)).join("")));
    for (const [layer, rows] of grid.layers.entries()) {
      const cells = block.map((head) => {
        const score = scores[rows[head]];
        return paint.heat(score, max, show(score, decimals).padStart(cell));
      });
      lines.push(paint.dim(`L${layer}`.padEnd(labelWidth)) + cells.join(""));
    }
  }
  return lines.map((line) => line.trimEnd());
}

/** The fewest decimals that still show two figures of `max`. */
function decimalsOf(max: number): number {
  return max > 0 ? Math.max(2, 1 - Math.floor(Math.log10(max))) : 2;
}
