import { CheckpointError, NotImplementedError } from "../../errors.ts";
import type { ByteReader } from "../files/byteReader.ts";
import { firstNonFinite, float16Values, widenBfloat16, widenFloat16 } from "./float16.ts";
import { type Destination, scatter, scatterTransposed } from "./placement.ts";
import type { TensorEntry } from "./tensorEntry.ts";

/** Reads the tensors of one file, each once, in the file's order. */
export interface TensorReader {
  /** @throws CheckpointError when the file ends too early, or a value is not finite */
  read(entry: TensorEntry, destination: Destination): Promise<void>;
  skip(entry: TensorEntry): Promise<void>;
  /** @throws CheckpointError when the file goes on */
  expectEnd(): Promise<void>;
}

/** Elements per read: a chunk is converted, checked and put in its place while it is in the cache. */
const chunkLength = 65_536;

export function tensorReader(file: ByteReader): TensorReader {
  const halves = new Uint16Array(chunkLength);
  let table: Float32Array | undefined; // made when the first float16 comes
  const halfValues = () => {
    table ??= float16Values();
    return table;
  };
  let staging = new Float32Array(0);

  const readBytes = async (out: Uint8Array, entry: TensorEntry, first: number): Promise<void> => {
    const got = await file.read(out);
    if (got === out.length) return;
    throw new CheckpointError(
      `${file.name}: ${entry.name}: the file ends after ${first + got} of the tensor's ` +
        `${entry.end - entry.begin} bytes, ${entry.end - entry.begin - first - got} too few. Download it again.`,
    );
  };

  /** Fills `out` with the tensor's values from element `first` on. */
  const readFloats = async (out: Float32Array, entry: TensorEntry, first: number): Promise<void> => {
    if (entry.dtype === "F32") {
      await readBytes(bytesOf(out), entry, 4 * first);
    } else {
      for (let from = 0; from < out.length; from += chunkLength) {
        const some = out.subarray(from, from + chunkLength);
        const bits = halves.subarray(0, some.length);
        await readBytes(bytesOf(bits), entry, 2 * (first + from));
        if (entry.dtype === "BF16") widenBfloat16(some, bits);
        else widenFloat16(some, bits, halfValues());
      }
    }
    const at = firstNonFinite(out);
    if (at >= 0) {
      throw new CheckpointError(
        `${file.name}: ${entry.name}: got ${out[at]} at [${indexOf(first + at, entry.shape)}], expected finite ` +
          "numbers: with it every logit would be NaN. Use another checkpoint.",
      );
    }
  };

  return {
    async read(entry, destination) {
      expectLittleEndian();
      const { parts, rows, cols, transposed } = destination;
      if (parts.length === 1 && !transposed) {
        for (let first = 0; first < parts[0].length; first += chunkLength) {
          await readFloats(parts[0].subarray(first, first + chunkLength), entry, first);
        }
        return;
      }
      const storedRows = transposed ? parts.length * cols : rows;
      const storedCols = transposed ? rows : parts.length * cols;
      const rowsAtOnce = Math.max(1, Math.floor(chunkLength / storedCols));
      if (staging.length < rowsAtOnce * storedCols) staging = new Float32Array(rowsAtOnce * storedCols);
      for (let row = 0; row < storedRows; row += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, storedRows - row);
        const chunk = staging.subarray(0, count * storedCols);
        await readFloats(chunk, entry, row * storedCols);
        if (transposed) scatterTransposed(parts, chunk, row, count, rows, cols);
        else scatter(parts, chunk, row, count, cols);
      }
    },
    async skip(entry) {
      const dropped = bytesOf(halves);
      const length = entry.end - entry.begin;
      for (let first = 0; first < length; first += dropped.length) {
        await readBytes(dropped.subarray(0, length - first), entry, first);
      }
    },
    async expectEnd() {
      if ((await file.read(new Uint8Array(1))) === 0) return;
      throw new CheckpointError(
        `${file.name}: got more bytes after byte ${file.position - 1}, where the last tensor ends. ` +
          "Something was appended to it.",
      );
    },
  };
}

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
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

/** The files are little-endian and are read as the host's own numbers: as is WebAssembly, and nearly every host. */
function expectLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return;
  throw new NotImplementedError("readCheckpoint: got a big-endian machine, expected a little-endian one.");
}
