/** What a page that imports everything from the core entry is sent, minified and gzipped; the demo model is an entry of its own. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { kernelsModule } from "../../src/tensor/wasm/code/index.ts";
import { moduleText } from "../../src/tensor/wasm/moduleText.ts";
import { figure, heading } from "../figure.ts";

heading("size, minified and gzipped");
const entries = {
  "core entry, whole": `export * from "./dist/index.js"`,
  "modelFromFiles and directLogitAttribution": `export { modelFromFiles, directLogitAttribution } from "./dist/index.js"`,
  "modelFromWeights and directLogitAttribution": `export { modelFromWeights, directLogitAttribution } from "./dist/index.js"`,
  "directLogitAttribution alone": `export { directLogitAttribution } from "./dist/index.js"`,
  "the WebAssembly and js backends, with the assembler": `export { availableKernels } from "./src/tensor/index.ts"`,
  "the js backend": `export { jsKernels } from "./src/tensor/js/index.ts"`,
  "the assembler and the kernels' code": `export { kernelsModule } from "./src/tensor/wasm/code/index.ts"`,
};
for (const [what, contents] of Object.entries(entries)) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ".", loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error", // dist, outside of node_modules, gets a warning for each import of what has no effect
  });
  const [{ contents: code }] = outputFiles;
  figure(
    what,
    [gzipSync(code, { level: 9 }).length / 1000],
    what === "core entry, whole" ? { atMost: 20, unit: "kB" } : "kB",
    `${(code.length / 1000).toFixed(1)} kB minified`,
  );
}

const texts = (["reproducible", "fast"] as const).map((precision) =>
  JSON.stringify(moduleText(kernelsModule(precision, false), kernelsModule(precision, true))),
);
figure(
  "the kernels of both precisions, as the build puts them in",
  [gzipSync(texts.join(), { level: 9 }).length / 1000],
  "kB",
  `${(texts.join().length / 1000).toFixed(1)} kB minified`,
);
