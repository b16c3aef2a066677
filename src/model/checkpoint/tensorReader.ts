import { CheckpointError, NotImplementedError } from "../../errors.ts";
import type { Kernels } from "../../tensor/index.ts";
import type { Gpt2Config } from "../config.ts";
import type { ByteReader } from "../files/byteReader.ts";
import type { Destination } from "./placement.ts";
import type { TensorEntry } from "./tensorEntry.ts";
import { cutOff, expectFinite } from "./tensorFaults.ts";

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
  /** Room for so many bytes. */
  take(use: "values" | "halves", bytes: number): Uint8Array;
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
      const made = kernels.buffer(Math.max(bytes, longest * (use === "values" ? 4 : 2)));
      buffers.set(use, made);
      return made.subarray(0, bytes);
    },
  };
}

export function tensorReader(file: ByteReader, buffers: LoadBuffers): TensorReader {
  expectLittleEndian();
  const { kernels } = buffers;

  const readBytes = async (out: Uint8Array, entry: TensorEntry, first: number): Promise<void> => {
    const got = await file.read(out);
    if (got < out.length) throw cutOff(file.name, entry, first + got);
  };

  /** The tensor's next `count` values, element `first` being the first of them. */
  const readFloats = async (entry: TensorEntry, first: number, count: number): Promise<Float32Array> => {
    const bytes = buffers.take("values", 4 * count);
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, count);
    if (entry.dtype === "F32") await readBytes(bytes, entry, 4 * first);
    else {
      const stored = buffers.take("halves", 2 * count);
      await readBytes(stored, entry, 2 * first);
      const halves = new Uint16Array(stored.buffer, stored.byteOffset, count);
      kernels.widen(values, halves, entry.dtype as "F16" | "BF16");
    }
    expectFinite(kernels, values, file.name, entry, first);
    return values;
  };

  return {
    async read(entry, destination) {
      const { rows, cols } = destination;
      const atOnce = Math.max(1, Math.floor(chunkLength / cols));
      for (let row = 0; row < rows; row += atOnce) {
        const count = Math.min(atOnce, rows - row);
        destination.put(await readFloats(entry, row * cols, count * cols), row, count);
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
