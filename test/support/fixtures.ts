import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What another library said: a tensor of test/fixtures/models/<name>/expected.safetensors, in float64. */
export interface Expected {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The folder of a fixture model. */
export function modelFolder(name: string): string {
  return fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url));
}

/** The names of the fixture models. */
export const modelNames: readonly string[] = readdirSync(modelFolder("")).sort();

/** expected.json of a fixture model. */
export function expectedJson<Document>(name: string): Document {
  return JSON.parse(readFileSync(`${modelFolder(name)}/expected.json`, "utf8"));
}

/** expected.safetensors of a fixture model: a length, a JSON header, and little-endian F32 and F64 values. */
export function expectedTensors(name: string): ReadonlyMap<string, Expected> {
  const bytes = readFileSync(`${modelFolder(name)}/expected.safetensors`);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(bytes.toString("utf8", 8, start));
  const entries = Object.entries(header).filter(([tensor]) => tensor !== "__metadata__");
  return new Map(
    entries.map(([tensor, { dtype, shape, data_offsets }]) => {
      const [from, to] = data_offsets.map((offset) => start + offset);
      const size = { F32: 4, F64: 8 }[dtype];
      if (size === undefined) throw new Error(`${name}: ${tensor} is ${dtype}`);
      const read = (i: number) =>
        size === 4 ? bytes.readFloatLE(from + 4 * i) : bytes.readDoubleLE(from + 8 * i);
      return [tensor, { shape, data: Float64Array.from({ length: (to - from) / size }, (_, i) => read(i)) }];
    }),
  );
}
