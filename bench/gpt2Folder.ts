import { fileURLToPath } from "node:url";
import { shapes, writeCheckpoint } from "./checkpoint.ts";

/** The folder of a float32 checkpoint of gpt2-small's shape, random, 498 MB: written once, and kept with what tools cache. */
export function gpt2Folder(): string {
  const folder = fileURLToPath(new URL("../gpt2-small-shape", import.meta.url)); // of the bundle that runs: see run.mjs
  writeCheckpoint(folder, shapes.gpt2);
  return folder;
}
