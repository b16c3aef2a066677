import { type Kernels, type PackedMatrix, zeros } from "../../tensor/index.ts";
import type { Gpt2Config } from "../config.ts";
import { eachChunk, memoryTable, type Table } from "../table.ts";
import {
  centredRows,
  type Destination,
  matricesByColumns,
  matricesByRows,
  transpose,
  vectors,
  wholeRows,
} from "./placement.ts";
import type { Place } from "./tensorRoles.ts";
import type { Layout } from "./tensorShapes.ts";
import {
  blockSources,
  type OuterTables,
  type outerSources,
  type PackedBlock,
  type WeightSource,
} from "./weights.ts";

/** How a tensor of a file is had: read into its place now, or, where the file allows it, row by row when needed. */
export interface StoredTensor {
  read(destination: Destination): Promise<void>;
  /** Instead of reading it, leaves it where it is; null where the file can only be read in order. */
  keepInFile(): Promise<Table | null>;
}

/** Puts tensors, as they come, together to weights. */
export interface WeightAssembly {
  /** Makes room for a tensor, has it read, and hands over the block that it completes. */
  add(role: Place, layout: Layout | undefined, tensor: StoredTensor): Promise<void>;
  /** Fills vectors that no file has. Before the first tensor is added. */
  fillZeros(places: readonly Place[]): void;
  /** The weights outside the blocks, once every tensor has been added. */
  outer(): OuterTables;
}

/** A block on its way: its weights so far, and how many tensors it still waits for. */
interface OpenBlock {
  readonly weights: Record<string, Float32Array | PackedMatrix>;
  /** Square matrices read before the layout was known. */
  readonly asStored: PackedMatrix[];
  /** W_out among them, which is to be centred once it lies as it is to. */
  uncentred?: PackedMatrix;
  waitingFor: number;
}

export function weightAssembly(
  config: Gpt2Config,
  kernels: Kernels,
  centresWrites: boolean,
  receiveBlock: (layer: number, block: PackedBlock) => void,
  warn: (message: string) => void,
): WeightAssembly {
  const blocks = new Map<number, OpenBlock>();
  const tables: { W_E?: Table; W_U?: Table } = {};
  const outer: Record<string, Float32Array> = {};
  const sizes = ({ dims }: WeightSource<unknown>) => dims.map((dim) => config[dim]);

  async function addOuter(source: (typeof outerSources)[number], tensor: StoredTensor): Promise<void> {
    const [name] = source.fills;
    const [first, cols] = sizes(source);
    if (cols === undefined) {
      outer[name] = new Float32Array(first);
      await tensor.read(vectors([outer[name]]));
      return;
    }
    const isTable = name === "W_E" || name === "W_U";
    const inFile = isTable ? await tensor.keepInFile() : null;
    if (isTable && inFile) {
      tables[name] = inFile;
      return;
    }
    const data = zeros(first * cols);
    await tensor.read(wholeRows(data, cols));
    if (isTable) tables[name] = memoryTable(data, cols);
    else outer[name] = data;
  }

  async function addToBlock(
    block: OpenBlock,
    source: (typeof blockSources)[number],
    layout: Layout | undefined,
    tensor: StoredTensor,
  ): Promise<void> {
    const [first, cols] = sizes(source);
    if (cols === undefined) {
      const parts = source.fills.map(() => new Float32Array(first));
      await tensor.read(vectors(parts));
      source.fills.forEach((name, p) => {
        block.weights[name] = parts[p];
      });
      return;
    }
    const parts = source.fills.map(() => kernels.matrix(first, cols));
    const isCentred = centresWrites && source.fills[0] === "W_out";
    if (layout?.transposed) await tensor.read(matricesByColumns(kernels, parts));
    else if (layout && isCentred) await tensor.read(centredRows(kernels, parts[0]));
    else await tensor.read(matricesByRows(kernels, parts));
    if (layout?.transposed && isCentred) kernels.centreRows(parts[0]);
    if (layout === undefined) {
      block.asStored.push(...parts);
      if (isCentred) block.uncentred = parts[0];
    }
    source.fills.forEach((name, p) => {
      block.weights[name] = parts[p];
    });
  }

  function blockOf(layer: number): OpenBlock {
    const block = blocks.get(layer) ?? { weights: {}, asStored: [], waitingFor: blockSources.length };
    blocks.set(layer, block);
    return block;
  }

  return {
    async add(role, layout, tensor) {
      if (role.kind === "outer") return addOuter(role.source, tensor);
      const { layer, source } = role;
      const block = blockOf(layer);
      await addToBlock(block, source, layout, tensor);
      block.waitingFor--;
      if (block.waitingFor > 0) return;

      if (layout?.transposed) for (const W of block.asStored) transpose(kernels, W);
      if (block.uncentred) kernels.centreRows(block.uncentred);
      blocks.delete(layer);
      receiveBlock(layer, block.weights as unknown as PackedBlock);
    },
    fillZeros(places) {
      for (const place of places) {
        const [size] = sizes(place.source);
        if (place.kind === "block") blockOf(place.layer).waitingFor--;
        const into = place.kind === "block" ? blockOf(place.layer).weights : outer;
        for (const name of place.source.fills) into[name] = new Float32Array(size);
      }
    },
    outer: () => ({ ...tieEmbeddings(tables, config, warn), ...outer }) as OuterTables,
  };
}

/** One table where the logits come from the embedding itself, by whichever of the two names it was stored. */
function tieEmbeddings(
  tables: { W_E?: Table; W_U?: Table },
  config: Gpt2Config,
  warn: (message: string) => void,
): Pick<OuterTables, "W_E" | "W_U"> {
  const W_E = (tables.W_E ?? tables.W_U) as Table;
  const W_U = tables.W_U ?? W_E;
  const same = W_E === W_U || equal(W_E, W_U);
  if (!same && config.tieWordEmbeddings) {
    warn(
      "lm_head.weight: differs from wte.weight, though config.json ties the two: the logits are computed with " +
        'lm_head.weight, as transformers 5 does. "tie_word_embeddings": false would say so.',
    );
  }
  return { W_E, W_U: same ? null : W_U };
}

function equal(a: Table, b: Table): boolean {
  let same = true;
  eachChunk(
    a,
    (length) => new Float32Array(length),
    (rows, first) => {
      const others = new Float32Array(rows.length);
      b.read(
        others,
        Array.from({ length: rows.length / b.cols }, (_, i) => first + i),
      );
      for (let i = 0; i < rows.length && same; i++) same = rows[i] === others[i];
    },
  );
  return same;
}
