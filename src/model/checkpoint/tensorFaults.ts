import { CheckpointError } from "../../errors.ts";
import type { Kernels } from "../../tensor/index.ts";
import type { TensorEntry } from "./tensorEntry.ts";

/**
 * @param first the index in the tensor of the first of these values
 * @throws CheckpointError where one is NaN or infinite
 */
export function expectFinite(
  kernels: Kernels,
  values: Float32Array,
  file: string,
  entry: TensorEntry,
  first: number,
): void {
  if (kernels.allFinite(values)) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new CheckpointError(
    `${file}: ${entry.name}: got ${values[at]} at [${indexOf(first + at, entry.shape)}], expected finite ` +
      "numbers: with it every logit would be NaN. Use another checkpoint.",
  );
}

/** Of the dtypes that weights may have: see `expectShapes`. */
export function bytesPerElement(entry: TensorEntry): 4 | 2 {
  return entry.dtype === "F32" ? 4 : 2;
}

/** A file that ends after `got` of a tensor's bytes. */
export function cutOff(file: string, entry: TensorEntry, got: number): CheckpointError {
  const length = entry.end - entry.begin;
  return new CheckpointError(
    `${file}: ${entry.name}: the file ends after ${got} of the tensor's ${length} bytes, ${length - got} too few. ` +
      "Download it again.",
  );
}

function indexOf(element: number, shape: readonly number[]): string {
  let rest = element;
  const index = [...shape].reverse().map((size) => {
    const at = rest % size;
    rest = (rest - at) / size;
    return at;
  });
  return index.reverse().join(", ");
}
