import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";
import { nodeFlags } from "./scripts/nodeFlags.mjs";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [demoFiles],
  // what examples import is the sources, not a build of them
  resolve: {
    alias: [
      { find: /^logitscope$/, replacement: source("src/index.ts") },
      { find: /^logitscope\/demo$/, replacement: source("src/demo/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/{slow,package,large,matrix,hub-interop}/**"],
    testTimeout: 60_000,
    execArgv: nodeFlags,
  },
});
