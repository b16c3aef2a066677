import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";

/** The package in the runtimes, bundlers and pages that it is for; test/matrix has them, with a lock file of its own. */
export default defineConfig({
  plugins: [demoFiles],
  test: {
    include: ["test/matrix/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    globalSetup: ["test/matrix/support/project.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
