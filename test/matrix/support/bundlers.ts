import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build as esbuild, transform } from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import webpack from "webpack";

/** A bundler as it comes: what is set here says where the code is and where the bundle is to be, minified. */
export interface Bundler {
  readonly name: string;
  readonly version: string;
  /** Whether it takes a worker's script along: `new Worker(new URL("./thread.js", import.meta.url))`. */
  readonly bundlesWorkers: boolean;
  /** @returns the bundle's main file, in `outdir`; other files may be beside it */
  bundle(entry: string, outdir: string): Promise<string>;
}

const require = createRequire(import.meta.url);
const versionOf = (name: string) => require(`${name}/package.json`).version as string;

export const bundlers: readonly Bundler[] = [
  {
    name: "esbuild",
    version: versionOf("esbuild"),
    bundlesWorkers: false,
    async bundle(entry, outdir) {
      const outfile = join(outdir, "main.js");
      await esbuild({ entryPoints: [entry], outfile, bundle: true, minify: true, format: "esm" });
      return outfile;
    },
  },
  {
    name: "Vite",
    version: versionOf("vite"),
    bundlesWorkers: true,
    async bundle(entry, outDir) {
      const output = { entryFileNames: "main.js" };
      await vite({
        root: join(entry, ".."),
        base: "./",
        logLevel: "warn",
        configFile: false,
        build: {
          outDir,
          emptyOutDir: false,
          rollupOptions: { input: entry, output, preserveEntrySignatures: "strict" },
        },
      });
      return join(outDir, "main.js");
    },
  },
  {
    name: "webpack",
    version: versionOf("webpack"),
    bundlesWorkers: true,
    async bundle(entry, path) {
      const compiler = webpack({
        mode: "production",
        entry,
        output: { path, filename: "main.js" },
        performance: false,
      })!;
      const stats = await promisify(compiler.run.bind(compiler))();
      await promisify(compiler.close.bind(compiler))();
      if (stats?.hasErrors() || stats?.hasWarnings()) throw new Error(stats.toString());
      return join(path, "main.js");
    },
  },
  {
    name: "Rollup",
    version: versionOf("rollup"),
    bundlesWorkers: false,
    async bundle(entry, dir) {
      const warnings: string[] = [];
      const onwarn = ({ message }: { message: string }) => void warnings.push(message);
      const bundle = await rollup({ input: entry, plugins: [nodeResolve()], onwarn });
      await bundle.write({ dir, entryFileNames: "main.js" });
      await bundle.close();
      if (warnings.length > 0) throw new Error(warnings.join("\n"));
      const file = join(dir, "main.js");
      const { code } = await transform(readFileSync(file, "utf8"), { minify: true, format: "esm" }); // it has no minifier
      writeFileSync(file, code);
      return file;
    },
  },
];
