import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";
import { nodeFlags } from "./scripts/nodeFlags.mjs";

export default defineConfig({
  plugins: [demoFiles],
  // what examples import is the sources, not a build of them
  resolve: {
    alias: [{ find: /^logitscope$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) }],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/{slow,package,large,matrix,hub-interop}/**"],
    testTimeout: 60_000,
    execArgv: nodeFlags,
  },
});
