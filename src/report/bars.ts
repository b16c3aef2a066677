/** A common scale of bars: what a cell stands for, and how many cells lie on each side of the axis. */
export interface BarScale {
  readonly perCell: number;
  readonly left: number;
  readonly right: number;
}

/** Fewer cells than this show nothing. */
const LEAST_CELLS = 6;

/** The scale that fits all scores into `cells` cells and the axis; null where there is no room for bars. */
export function barScale(scores: Iterable<number>, cells: number): BarScale | null {
  if (cells < LEAST_CELLS) return null;
  let below = 0;
  let above = 0;
  for (const score of scores) {
    below = Math.max(below, -score);
    above = Math.max(above, score);
  }
  if (below + above === 0) return { perCell: 0, left: 0, right: 0 };
  const share = Math.round((below / (below + above)) * cells);
  const left = below === 0 ? 0 : Math.min(Math.max(share, 1), above > 0 ? cells - 1 : cells);
  const right = cells - left;
  const perCell = Math.max(left > 0 ? below / left : 0, right > 0 ? above / right : 0);
  return { perCell, left, right };
}

/**
 * A score's bar, in halves of a cell (the finest block that exists for both directions): what goes left of the
 * axis, as wide as that side, and what goes right of it.
 */
export function bar(score: number, { perCell, left, right }: BarScale): { left: string; right: string } {
  const most = 2 * (score > 0 ? right : left); // a subnormal score's quotient may be more
  const halves = perCell > 0 ? Math.min(Math.round((Math.abs(score) / perCell) * 2), most) : 0;
  const full = "█".repeat(Math.floor(halves / 2));
  const half = halves % 2 === 1;
  if (score > 0) return { left: " ".repeat(left), right: full + (half ? "▌" : "") };
  return { left: ((half ? "▐" : "") + full).padStart(left), right: "" };
}
