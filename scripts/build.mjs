// Builds dist/: one bundle per entry with what they share in chunks, what threads run, the entries for edge runtimes, the types.
import { rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { build } from "esbuild";
import { demoLoaders } from "./demoFiles.mjs";
import { writeTypes } from "./types.mjs";

/** Not exported: with an entry of its own each becomes a chunk, which a bundler can leave out whole. */
const parts = [
  "src/tensor/index.ts",
  "src/tensor/js/math.ts",
  "src/model/tokenizer/tokenizer.ts",
  "src/dla/index.ts",
];

const common = {
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  charset: "utf8",
  loader: demoLoaders,
  logLevel: "warning",
};

const inChunks = { ...common, splitting: true, chunkNames: "shared-[hash]" };

const { kernelsModule, moduleText } = await imported(
  "src/tensor/wasm/code/index.ts",
  "src/tensor/wasm/moduleText.ts",
);

/** Modules in whose place the build puts what it makes before. */
const madeBefore = {
  name: "made-before",
  setup({ onLoad }) {
    onLoad({ filter: /\/threadScript\.ts$/ }, threadScript);
    onLoad({ filter: /\/kernelBytes\.ts$/ }, kernelBytes);
  },
};

rmSync("dist", { recursive: true, force: true });
await build({
  ...inChunks,
  entryPoints: {
    index: "src/index.ts",
    node: "src/node/index.ts",
    demo: "src/demo/index.ts",
    "demo-files": "src/demo/files.ts",
    cli: "src/cli/main.ts",
    ...Object.fromEntries(parts.map((file, part) => [`part${part}`, file])),
  },
  outdir: "dist",
  external: ["node:*"],
  plugins: [madeBefore],
});
for (const part of parts.keys()) rmSync(`dist/part${part}.js`);

// A file, which can be copied beside a bundle.
await build({ ...common, entryPoints: { thread: "src/thread.ts" }, outdir: "dist" });

// Edge runtimes compile no code at run time: there the kernels are a file, and who resolves #kernels knows how it is imported.
await build({
  ...inChunks,
  entryPoints: { index: "src/index.ts", demo: "src/demo/index.ts" },
  outdir: "dist/edge",
  external: ["#kernels"],
  plugins: [
    inTheEdge(
      { "compile.ts": "compile.edge.ts", "webThread.ts": "webThread.edge.ts" },
      { "files.ts": "../demo-files.js" },
    ),
  ],
});
writeFileSync("dist/edge/kernels.wasm", kernelsModule("reproducible", false));
writeFileSync("dist/edge/kernels.workerd.js", 'export { default } from "./kernels.wasm";\n');
writeFileSync("dist/edge/kernels.edge-light.js", 'export { default } from "./kernels.wasm?module";\n');

process.exitCode = writeTypes("dist/types");

/** Modules that others stand in for, by the name of the file: beside it in src, or built already. */
function inTheEdge(beside, built) {
  return {
    name: "edge",
    setup({ onResolve, resolve }) {
      onResolve({ filter: /\/(compile|webThread|files)\.ts$/ }, ({ path, resolveDir, kind }) => {
        const name = basename(path);
        return built[name] === undefined
          ? resolve(`${dirname(path)}/${beside[name]}`, { resolveDir, kind })
          : { path: built[name], external: true };
      });
    },
  };
}

/** The module that stands in for threadScript.ts. */
async function threadScript() {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ["src/node/thread.ts"],
    external: ["node:*"],
    minify: true,
    write: false,
  });
  const url = JSON.stringify(`data:text/javascript,${encodeURIComponent(outputFiles[0].text.trim())}`);
  return { contents: `export const threadScript = () => new URL(${url});` };
}

/** The module that stands in for kernelBytes.ts: the same bytes, as text. */
function kernelBytes({ path }) {
  const text = (precision) =>
    JSON.stringify(moduleText(kernelsModule(precision, false), kernelsModule(precision, true)));
  const contents = `import { moduleBytes } from "./moduleText.ts";
const texts = { reproducible: ${text("reproducible")}, fast: ${text("fast")} };
export const kernelBytes = (precision, shared) => moduleBytes(texts[precision], shared);`;
  return { contents, resolveDir: dirname(path) };
}

/** What modules of the sources export, which Node may be too old to import. */
async function imported(...files) {
  const { outputFiles } = await build({
    ...common,
    stdin: { contents: files.map((file) => `export * from "./${file}";`).join("\n"), resolveDir: "." },
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}
