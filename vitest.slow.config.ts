import { defineConfig } from "vitest/config";
import fast from "./vitest.config.ts";

/** What takes minutes: models of full size. */
export default defineConfig({
  plugins: fast.plugins ?? [],
  resolve: fast.resolve ?? {},
  test: { include: ["test/slow/**/*.slow.test.ts"], testTimeout: 600_000 },
});
