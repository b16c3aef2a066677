import { closeSync, openSync, readSync } from "node:fs";

/** Where a tensor's bytes are in its file. */
export interface Stored {
  shape: number[];
  offset: number;
  length: number;
}

/**
 * The tensors of a file that bench/checkpoint.ts wrote, by name.
 *
 * @throws Error where one is not float32
 */
export function storedTensors(path: string): Map<string, Stored> {
  const file = openSync(path, "r");
  const size = Buffer.alloc(8);
  readSync(file, size);
  const header = Buffer.alloc(Number(size.readBigUInt64LE()));
  readSync(file, header);
  closeSync(file);

  const { __metadata__, ...tensors } = JSON.parse(header.toString());
  return new Map(
    Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(tensors).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        if (dtype !== "F32") throw new Error(`${path}: ${name}: got ${dtype}, expected F32.`);
        return [name, { shape, offset: 8 + header.length + start, length: end - start }];
      },
    ),
  );
}
