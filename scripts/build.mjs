// Builds dist/: one bundle per entry with what they share in chunks, and the types.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { demoLoaders } from "./demoFiles.mjs";

rmSync("dist", { recursive: true, force: true });

await build({
  entryPoints: {
    index: "src/index.ts",
    node: "src/node/index.ts",
    demo: "src/demo/index.ts",
    cli: "src/cli/main.ts",
    thread: "src/thread.ts",
    "node-thread": "src/node/thread.ts",
  },
  outdir: "dist",
  chunkNames: "shared-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  charset: "utf8",
  external: ["node:*"],
  loader: demoLoaders,
  logLevel: "warning",
});

const tsc = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit", "false"];
const types = [...tsc, "--emitDeclarationOnly", "--rootDir", "src", "--outDir", "dist/types"];
process.exitCode = spawnSync(process.execPath, types, { stdio: "inherit" }).status ?? 1;
