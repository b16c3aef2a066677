import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";

/** Against Python's huggingface_hub, on one cache. */
export default defineConfig({
  plugins: [demoFiles],
  test: { include: ["test/hub-interop/**/*.hub.test.ts"], testTimeout: 120_000 },
});
