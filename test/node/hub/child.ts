/** A process of its own: gets a model from the hub into a cache, and prints the folder. */
import { writeSync } from "node:fs";
import { hubFolder } from "../../../src/node/hub/hub.ts";

const [endpoint, cacheDir] = process.argv.slice(2);
const folder = await hubFolder("o/n", {
  endpoint,
  cacheDir,
  token: false,
  onDownload: ({ file, received }) => void writeSync(1, `${file} ${received}\n`),
});
writeSync(1, `done ${folder}\n`);
