import { defineConfig } from "vitest/config";

/** The packed tarball, installed into an empty project: needs the package registry. */
export default defineConfig({
  test: {
    include: ["test/package/**/*.test.ts"],
    globalSetup: ["test/package/support/packed.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
