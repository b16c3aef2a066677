/** What a page that imports everything from the core entry is sent, minified and gzipped; the demo model is an entry of its own. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { kernelsModule } from "../../src/tensor/wasm/code/index.ts";
import { figure, heading } from "../figure.ts";

heading("size, minified and gzipped");
const entries = {
  "core entry, whole": `export * from "./src/index.ts"`,
  "modelFromFiles and directLogitAttribution": `export { modelFromFiles, directLogitAttribution } from "./src/index.ts"`,
  "modelFromWeights and directLogitAttribution": `export { modelFromWeights, directLogitAttribution } from "./src/index.ts"`,
  "directLogitAttribution alone": `export { directLogitAttribution } from "./src/dla/index.ts"`,
  "the WebAssembly and js backends": `export { availableKernels } from "./src/tensor/index.ts"`,
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
  });
  const [{ contents: code }] = outputFiles;
  figure(
    what,
    [gzipSync(code, { level: 9 }).length / 1000],
    what === "core entry, whole" ? { atMost: 20, unit: "kB" } : "kB",
    `${(code.length / 1000).toFixed(1)} kB minified`,
  );
}

const assembled = Buffer.from(kernelsModule("reproducible", false)).toString("base64");
figure(
  "the kernels of one precision, had they been assembled before and put in as base64",
  [gzipSync(assembled, { level: 9 }).length / 1000],
  "kB",
  `${(assembled.length / 1000).toFixed(1)} kB minified`,
);
