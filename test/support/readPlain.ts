import { readCheckpoint as read } from "../../src/model/checkpoint/checkpoint.ts";
import type { BlockWeights, OuterWeights } from "../../src/model/checkpoint/weights.ts";
import type { Gpt2Config, ModelFiles } from "../../src/model/index.ts";
import type { Table } from "../../src/model/table.ts";
import { jsKernels, type Kernels, type PackedMatrix } from "../../src/tensor/index.ts";

/** `readCheckpoint`, with what it puts into a backend's layout and leaves in files read back as plain arrays. */
export async function readCheckpoint(
  config: Gpt2Config,
  files: ModelFiles,
  receiveBlock: (layer: number, block: BlockWeights) => void,
  options: Parameters<typeof read>[4] = {},
  kernels: Kernels = jsKernels,
): Promise<OuterWeights> {
  const { W_E, W_U, ...vectors } = await read(
    config,
    files,
    kernels,
    (layer, block) =>
      receiveBlock(
        layer,
        Object.fromEntries(
          Object.entries(block).map(([name, weight]) => [
            name,
            isMatrix(weight) ? kernels.unpack(weight) : weight,
          ]),
        ) as unknown as BlockWeights,
      ),
    options,
  );
  return { ...vectors, W_E: wholeTable(W_E), W_U: W_U && wholeTable(W_U) };
}

export function wholeTable(table: Table): Float32Array {
  const out = new Float32Array(table.rows * table.cols);
  table.read(
    out,
    Array.from({ length: table.rows }, (_, row) => row),
  );
  return out;
}

function isMatrix(weight: Float32Array | PackedMatrix): weight is PackedMatrix {
  return "inner" in weight;
}
