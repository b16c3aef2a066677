import type { MemoryPlan } from "../kernels.ts";
import { PANEL } from "./code/panels.ts";
import { type MemorySizes, OVERHEAD } from "./memory.ts";
import { PAGE, roundUp } from "./region.ts";

type MatrixSize = MemoryPlan["matrices"][number];

/** At the most for what is packed on its way from a file: beside the weights, so that the kernels read it there. What is not used costs nothing. */
const BUFFERS = 4 << 20;
/** The bytes of a packed matrix, in whole pages of the machine's: see `panelRows` of code/gemm.ts. */
export function matrixBytes({ inner, cols }: { inner: number; cols: number }): number {
  return roundUp(4 * inner * PANEL * Math.ceil(cols / PANEL), PAGE);
}

/** Memories for these matrices, as few as hold them, each with room for the activations of a session. */
export function planMemories(
  { matrices, activations }: MemoryPlan,
  largest: number,
  temporaryBytes: (matrix: MatrixSize) => number,
): MemorySizes[] {
  const total = matrices.reduce((sum, matrix) => sum + matrixBytes(matrix), 0);
  const empty: MemorySizes = {
    temporary: 0,
    weights: roundUp(Math.min(BUFFERS, total), PAGE),
    activations: 4 * activations,
  };
  const withMatrix = (sizes: MemorySizes, matrix: MatrixSize): MemorySizes => ({
    temporary: Math.max(sizes.temporary, temporaryBytes(matrix)),
    weights: sizes.weights + matrixBytes(matrix),
    activations: sizes.activations,
  });
  const planned: MemorySizes[] = [];
  let last = empty;
  for (const matrix of matrices) {
    const more = withMatrix(last, matrix);
    const fits = more.temporary + more.weights + more.activations + OVERHEAD <= largest;
    if (!fits && last !== empty) planned.push(last);
    last = fits ? more : withMatrix(empty, matrix);
  }
  return [...planned, last];
}
