/** A process of its own: loads a folder's files as web streams or as ArrayBuffers, and prints its peak memory. */
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { modelFromFiles, type Source } from "../../../src/index.ts";

const [folder, kind] = process.argv.slice(2);
const sources: Record<string, (path: string) => Source> = {
  stream: (path) => Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>,
  response: (path) => new Response(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>),
  buffer: (path) => readFileSync(path),
};
const names = ["config.json", "model.safetensors"];
const files = names.map((name): [string, Source] => [name, sources[kind](join(folder, name))]);
const before = process.memoryUsage().rss;
const model = await modelFromFiles(new Map(files), { compatibilityMode: true });
console.log(JSON.stringify({ backend: model.backend, peak: 1024 * process.resourceUsage().maxRSS, before }));
