import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";
import { nodeFlags } from "./scripts/nodeFlags.mjs";

export default defineConfig({
  plugins: [demoFiles],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/{slow,package,large,matrix,hub-interop}/**"],
    testTimeout: 60_000,
    execArgv: nodeFlags,
  },
});
