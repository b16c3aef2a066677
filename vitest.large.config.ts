import { defineConfig } from "vitest/config";

/** What needs gigabytes, or a process of its own to measure: models of GPT-2's sizes from files, memory over time. */
export default defineConfig({
  test: {
    include: ["test/large/*.large.test.ts"],
    testTimeout: 900_000,
    fileParallelism: false, // memory is measured
  },
});
