/** node scripts/run.mjs bench/peers/makeCheckpoint.ts FOLDER [--shape gpt2-medium] [--dtype F16] [--seed 2] */
import { parseArgs } from "node:util";
import { dtypes, shapes, writeCheckpoint } from "../checkpoint.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: "string", default: "gpt2" },
    dtype: { type: "string", default: "F32" },
    seed: { type: "string", default: "1" },
  },
});
const [folder] = positionals;
const shape = shapes[values.shape];
const dtype = dtypes.find((name) => name === values.dtype);
if (folder === undefined || shape === undefined || dtype === undefined) {
  console.error(
    `usage: … FOLDER [--shape ${Object.keys(shapes).join("|")}] [--dtype ${dtypes.join("|")}] [--seed N]`,
  );
  process.exit(2);
}
writeCheckpoint(folder, shape, { dtype, seed: Number(values.seed) });
