import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";

/** Against Python: huggingface_hub on one cache, pandas and DuckDB on our CSV. */
export default defineConfig({
  plugins: [demoFiles],
  test: { include: ["test/hub-interop/**/*.hub.test.ts"], testTimeout: 120_000 },
});
