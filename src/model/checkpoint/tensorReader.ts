import { CheckpointError, NotImplementedError } from "../../errors.ts";
import type { Kernels } from "../../tensor/index.ts";
import type { Gpt2Config } from "../config.ts";
import type { ByteReader } from "../files/byteReader.ts";
import type { Destination } from "./placement.ts";
import type { TensorEntry } from "./tensorEntry.ts";
import { bytesPerElement, cutOff, expectFinite } from "./tensorFaults.ts";

/** Reads the tensors of one file, each once, in the file's order. */
export interface TensorReader {
  /** @throws CheckpointError when the file ends too early, or a value is not finite */
  read(entry: TensorEntry, destination: Destination): Promise<void>;
  skip(entry: TensorEntry): Promise<void>;
  /** @throws CheckpointError when the file goes on */
  expectEnd(): Promise<void>;
}

/** Elements per read: a chunk is converted, checked and put in its place while it is in the cache. */
const chunkLength = 196_608;

/** Where values lie on their way from a file to their place: in the backend's memory, used again and again. */
export interface LoadBuffers {
  readonly kernels: Kernels;
  /** Room for so many bytes: of two buffers one is read into while the other is used; float16 goes on to a third. */
  take(use: "even" | "odd" | "values", bytes: number): Uint8Array;
}

export function loadBuffers(kernels: Kernels, config: Gpt2Config): LoadBuffers {
  const { dModel, dMlp } = config;
  const longest = Math.min(chunkLength, dModel * Math.max(3 * dModel, dMlp));
  const buffers = new Map<string, Uint8Array>();
  return {
    kernels,
    take(use, bytes) {
      const known = buffers.get(use);
      if (known && known.length >= bytes) return known.subarray(0, bytes);
      const made = kernels.buffer(Math.max(bytes, 4 * longest));
      buffers.set(use, made);
      return made.subarray(0, bytes);
    },
  };
}

export function tensorReader(file: ByteReader, buffers: LoadBuffers): TensorReader {
  expectLittleEndian();
  const { kernels } = buffers;

  /** The bytes of a tensor's next `count` elements, element `first` being the first of them. */
  async function readStored(
    entry: TensorEntry,
    first: number,
    count: number,
    use: "even" | "odd",
  ): Promise<Uint8Array> {
    const size = bytesPerElement(entry);
    const out = buffers.take(use, size * count);
    const got = await file.read(out);
    if (got < out.length) throw cutOff(file.name, entry, size * first + got);
    return out;
  }

  function floatsOf(stored: Uint8Array, entry: TensorEntry): Float32Array {
    const count = stored.length / bytesPerElement(entry);
    if (entry.dtype === "F32") return new Float32Array(stored.buffer, stored.byteOffset, count);
    const bytes = buffers.take("values", 4 * count);
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, count);
    const halves = new Uint16Array(stored.buffer, stored.byteOffset, count);
    kernels.widen(values, halves, entry.dtype as "F16" | "BF16");
    return values;
  }

  return {
    async read(entry, destination) {
      const { rows, cols } = destination;
      const atOnce = Math.max(1, Math.floor(chunkLength / cols));
      const countFrom = (row: number) => Math.min(atOnce, rows - row);
      const start = (row: number) => {
        const use = (row / atOnce) % 2 === 0 ? "even" : "odd";
        return readStored(entry, row * cols, countFrom(row) * cols, use);
      };
      let pending = start(0);
      for (let row = 0; row < rows; row += atOnce) {
        const stored = await pending;
        if (row + atOnce < rows) {
          pending = start(row + atOnce); // goes on while these rows are packed
          pending.catch(() => {}); // it is awaited in its turn, unless this turn fails
        }
        const values = floatsOf(stored, entry);
        expectFinite(kernels, values, file.name, entry, row * cols);
        destination.put(values, row, countFrom(row));
      }
    },
    async skip(entry) {
      const length = entry.end - entry.begin;
      const skipped = await file.skip(length);
      if (skipped < length) throw cutOff(file.name, entry, skipped);
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

/** The files are little-endian and are read as the host's own numbers: as is WebAssembly, and nearly every host. */
function expectLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return;
  throw new NotImplementedError("readCheckpoint: got a big-endian machine, expected a little-endian one.");
}
