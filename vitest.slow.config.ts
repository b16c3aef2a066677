import { defineConfig } from "vitest/config";

/** What takes minutes: models of full size. */
export default defineConfig({
  test: { include: ["test/slow/**/*.slow.test.ts"], testTimeout: 600_000 },
});
