import type { Kernels } from "../../tensor/index.ts";
import type { Table } from "../table.ts";
import type { TensorEntry } from "./tensorEntry.ts";
import { bytesPerElement, cutOff, expectFinite } from "./tensorFaults.ts";

/**
 * A tensor of two dims whose rows are read when they are needed.
 *
 * @param start the byte of the file at which the tensors' data begins
 */
export function fileTable(
  file: { readonly name: string; readonly readNow: (out: Uint8Array, position: number) => number },
  entry: TensorEntry,
  start: number,
  kernels: Kernels,
): Table {
  const [rows, cols] = entry.shape;
  const isWide = entry.dtype === "F32";
  const rowBytes = cols * bytesPerElement(entry);

  /** Fills `out` with rows from `first` on, as many as it has room for. */
  function readRows(out: Float32Array, first: number): void {
    const halves = isWide ? null : new Uint16Array(out.length);
    const stored = halves ?? out;
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    const position = start + entry.begin + first * rowBytes;
    const got = file.readNow(bytes, position);
    if (got < bytes.length) throw cutOff(file.name, entry, first * rowBytes + got);
    if (halves) kernels.widen(out, halves, entry.dtype as "F16" | "BF16");
    expectFinite(kernels, out, file.name, entry, first * cols);
  }

  return {
    rows,
    cols,
    read(out, indices) {
      for (let i = 0; i < indices.length; ) {
        let end = i + 1; // rows that follow one another are read together
        while (end < indices.length && indices[end] === indices[end - 1] + 1) end++;
        readRows(out.subarray(i * cols, end * cols), indices[i]);
        i = end;
      }
    },
  };
}
