import type { Kernels } from "../../tensor/index.ts";
import type { Gpt2Config } from "../config.ts";
import type { ReadOptions } from "../files/byteReader.ts";
import { type ModelFiles, type OpenOptions, openSource } from "../files/byteSource.ts";
import { memoryPlan } from "../parameters.ts";
import { fileTable } from "./fileTable.ts";
import { readHeader } from "./safetensors.ts";
import { expectIndexed, findShards, type Shard } from "./shards.ts";
import type { TensorEntry } from "./tensorEntry.ts";
import { type LoadBuffers, loadBuffers, tensorReader } from "./tensorReader.ts";
import { assignRoles, type Role, type Roles } from "./tensorRoles.ts";
import { expectShapes, type Layout } from "./tensorShapes.ts";
import { type WeightAssembly, weightAssembly } from "./weightAssembly.ts";
import type { OuterTables, PackedBlock } from "./weights.ts";

export interface CheckpointOptions extends ReadOptions {
  /** Whether the model is to be folded: then W_out's rows are centred as they are read. */
  readonly compatibilityMode?: boolean | undefined;
  /** Told of what is read, but may not be what was meant. Default: console.warn. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Reads the weights of a GPT-2 from safetensors, as trained, in float32. Tensors are read one by one in the file's
 * order, by rows, and put into the backend's layout at once: so the model is never held twice. Room is made for what a
 * file's header shows, and not before: a config may claim anything. Blocks come in the order in which the file completes
 * them. The embedding stays in a file that can be read at any place.
 *
 * @param receiveBlock owns the block from then on
 * @returns            the weights outside the blocks
 * @throws CheckpointError when a file is malformed, or does not hold what the config describes
 */
export async function readCheckpoint(
  config: Gpt2Config,
  files: ModelFiles,
  kernels: Kernels,
  receiveBlock: (layer: number, block: PackedBlock) => void,
  options: CheckpointOptions & OpenOptions = {},
): Promise<OuterTables> {
  const warn = options.onWarning ?? console.warn;
  const shards = await findShards(files, options);
  const centresWrites = options.compatibilityMode ?? false;
  const assembly = weightAssembly(config, kernels, centresWrites, receiveBlock, warn);
  const buffers = loadBuffers(kernels, config);
  let layout: Layout | undefined;
  const rolesOf = (names: readonly string[], file: string): Roles => {
    const roles = assignRoles(names, config, file, warn);
    assembly.fillZeros(roles.zeros);
    return roles;
  };
  const roles = indexedRoles(shards, rolesOf);
  for (const shard of shards) {
    layout = await readShard(shard, roles ?? rolesOf, layout, config, assembly, buffers, options);
  }
  if (layout?.transposed && config.activationAssumed) {
    warn(
      "config.json: the weights are laid out as nanoGPT's, and no activation_function is named: the tanh form of GELU " +
        'is assumed, as in early nanoGPT. Later ones use the exact form: "activation_function": "gelu".',
    );
  }
  return assembly.outer();
}

type RolesOf = (names: readonly string[], file: string) => Roles;

/** With an index all names are known before the first shard is opened. */
function indexedRoles(shards: readonly Shard[], rolesOf: RolesOf): Roles | undefined {
  if (shards.some(({ names }) => names === undefined)) return undefined;
  return rolesOf(
    shards.flatMap(({ names }) => [...(names ?? [])]),
    "model.safetensors.index.json",
  );
}

/** @returns the layout, as far as it is known now */
async function readShard(
  shard: Shard,
  known: Roles | RolesOf,
  before: Layout | undefined,
  config: Gpt2Config,
  assembly: WeightAssembly,
  buffers: LoadBuffers,
  options: OpenOptions,
): Promise<Layout | undefined> {
  const { file } = shard;
  const reader = await openSource(shard.source, file, options);
  try {
    const header = await readHeader(reader);
    const names = header.tensors.map(({ name }) => name);
    const whole = typeof known === "function" ? known(names, file) : known;
    const roles = expectIndexed(shard, new Set(names), whole, config);
    const layout = expectShapes(header.tensors, roles, config, file, before);
    reserveRoom(header.tensors, roles, config, buffers.kernels);

    const tensors = tensorReader(reader, buffers);
    const dataStart = reader.position;
    for (const entry of header.tensors) {
      const role = roles.get(entry.name);
      if (role === undefined || role.kind === "skipped") await tensors.skip(entry);
      else {
        const { readNow } = reader;
        await assembly.add(role, layout, {
          read: (destination) => tensors.read(entry, destination),
          async keepInFile() {
            if (readNow === undefined) return null;
            await tensors.skip(entry);
            return fileTable({ name: file, readNow }, entry, dataStart, buffers.kernels);
          },
        });
      }
    }
    await tensors.expectEnd();
    return layout;
  } finally {
    await reader.close();
  }
}

/** Room for the matrices that a file is known to hold. */
function reserveRoom(
  tensors: readonly TensorEntry[],
  roles: ReadonlyMap<string, Role>,
  config: Gpt2Config,
  kernels: Kernels,
): void {
  const matrices = tensors.flatMap(({ name }) => {
    const role = roles.get(name);
    if (role?.kind !== "block" || role.source.dims.length < 2) return [];
    const [inner, cols] = role.source.dims.map((dim) => config[dim]);
    return role.source.fills.map(() => ({ inner, cols }));
  });
  if (matrices.length > 0) kernels.reserve({ ...memoryPlan(config, kernels.threads), matrices });
}
