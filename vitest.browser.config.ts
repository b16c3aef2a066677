import { defineConfig } from "vitest/config";
import { demoFiles } from "./scripts/demoFiles.mjs";

/** The built package in Chromium, where that is installed. */
export default defineConfig({
  plugins: [demoFiles],
  test: { include: ["test/browser/**/*.browser.test.ts"] },
});
