import { CheckpointError } from "../../errors.ts";
import type { Gpt2Config } from "../config.ts";
import { loadUnquantized } from "./otherKinds.ts";
import type { TensorEntry } from "./tensorEntry.ts";
import type { Place, Role } from "./tensorRoles.ts";
import { configKeys, type WeightDim } from "./weights.ts";

/**
 * How a checkpoint stores its linear layers: [inputs, outputs] as Hugging Face's Conv1D, or [outputs, inputs] as
 * nanoGPT's nn.Linear. A square matrix does not tell, so one that does decides for all.
 */
export interface Layout {
  readonly transposed: boolean;
  /** The tensor that told, and its shape. */
  readonly witness: string;
}

type Weight = Place;
/** "both": it fits and does not tell, as a square matrix or a bias. */
type Fit = "conv1d" | "transposed" | "both" | "neither";

/**
 * Checks the dtypes and shapes of one file's tensors against the config, before any of them is read.
 *
 * @param layout what earlier files of the checkpoint told
 * @returns      what is known now; undefined while no tensor has told
 * @throws CheckpointError naming the tensor and its dims, and whether config.json or the tensor stands alone
 */
export function expectShapes(
  tensors: readonly TensorEntry[],
  roles: ReadonlyMap<string, Role>,
  config: Gpt2Config,
  file: string,
  layout: Layout | undefined,
): Layout | undefined {
  let told = layout;
  const wrong: [TensorEntry, Weight][] = [];
  const right: Weight[] = [];
  for (const entry of tensors) {
    const role = roles.get(entry.name);
    if (role === undefined || role.kind === "skipped") continue;
    expectFloats(entry, file);
    const fit = fitOf(entry.shape, role, config);
    if (fit === "neither") wrong.push([entry, role]);
    else right.push(role);
    if (fit === "neither" || fit === "both") continue;
    const transposed = fit === "transposed";
    const witness = `${entry.name} [${entry.shape.join(", ")}]`;
    told ??= { transposed, witness };
    if (told.transposed !== transposed) {
      throw new CheckpointError(
        `${file}: got ${told.witness} and ${witness}, expected all linear layers as [inputs, outputs] (Conv1D) ` +
          "or all as [outputs, inputs] (nanoGPT). The checkpoint mixes the two.",
      );
    }
  }
  if (wrong.length > 0) throw shapeError(wrong, right, config, file);
  return told;
}

function expectFloats(entry: TensorEntry, file: string): void {
  if (["F32", "F16", "BF16"].includes(entry.dtype)) return;
  const isQuantized = /^(F4$|F6_|F8_|I8|U8)/.test(entry.dtype);
  const remedy = isQuantized ? `It is quantized. ${loadUnquantized}` : "Convert the checkpoint to float32.";
  throw new CheckpointError(
    `${file}: ${entry.name}: got dtype ${entry.dtype}, expected F32, F16 or BF16. ${remedy}`,
  );
}

function fitOf(shape: readonly number[], role: Weight, config: Gpt2Config): Fit {
  const expected = expectedShape(role, config);
  const fits = equal(shape, expected);
  const linear = role.kind === "block" && expected.length === 2;
  if (!linear) return fits ? "both" : "neither";
  const transposed = equal(shape, [expected[1], expected[0]]);
  if (fits) return transposed ? "both" : "conv1d";
  return transposed ? "transposed" : "neither";
}

function expectedShape({ source }: Weight, config: Gpt2Config): number[] {
  const last = source.dims.length - 1;
  return source.dims.map((dim, axis) => config[dim] * (axis === last ? source.fills.length : 1));
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function shapeError(
  wrong: readonly [TensorEntry, Weight][],
  right: readonly Weight[],
  config: Gpt2Config,
  file: string,
): CheckpointError {
  const [entry, role] = wrong[0];
  const expected = expectedShape(role, config);
  const { dims, fills } = role.source;
  const named = dims.map((dim, axis) => {
    const times = axis === dims.length - 1 && fills.length > 1 ? `${fills.length}·` : "";
    return `${times}${dim}=${expected[axis]}`;
  });
  const others = wrong.length > 1 ? ` (and ${wrong.length - 1} more tensors do not fit)` : "";
  return new CheckpointError(
    `${file}: ${entry.name}: got shape [${entry.shape.join(", ")}], expected [${named.join(", ")}]${others}. ` +
      verdict(entry, dims, expected, right, config),
  );
}

/** Whose word is the odd one out: the config's, or this tensor's? */
function verdict(
  entry: TensorEntry,
  dims: readonly WeightDim[],
  expected: readonly number[],
  right: readonly Weight[],
  config: Gpt2Config,
): string {
  const dim = dims.find((_, axis) => entry.shape[axis] !== expected[axis]) ?? dims[0];
  const agreeing = right.filter(({ source }) => source.dims.includes(dim)).length;
  const claim = `config.json's ${configKeys[dim]} = ${config[dim]}`;
  return agreeing === 0
    ? `No tensor here agrees with ${claim}: the config is wrong for this file.`
    : `Others (${agreeing}) agree with ${claim}: this tensor is wrong.`;
}
