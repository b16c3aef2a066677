import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, test } from "vitest";
import { serveFolders } from "./support/staticServer.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const model = path("../../src/demo/model");
const names = readdirSync(model).sort();

test("in workerd a model is fetched once, and then read from the cache", async () => {
  const server = await serveFolders({ "/": model });
  const worker = `
    import { modelFromFiles } from "./dist/index.js";
    export default {
      async fetch() {
        const files = ${JSON.stringify(names)}.map((name) => [name, new URL(name, ${JSON.stringify(`${server.origin}/`)})]);
        const warnings = [];
        const onWarning = (message) => warnings.push(message);
        const model = await modelFromFiles(new Map(files), { cacheStorage: true, onWarning });
        return Response.json({ layers: model.config.nLayers, warnings });
      },
    };`;
  const { outputFiles } = await build({
    stdin: { contents: worker, resolveDir: path("../..") },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "error",
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0].text,
    compatibilityDate: "2025-10-01",
  });
  try {
    for (let load = 0; load < 2; load++) {
      const response = await miniflare.dispatchFetch("http://localhost/");
      expect(await response.json()).toEqual({ layers: 3, warnings: [] });
      expect([...server.asked].sort()).toEqual(names.map((name) => `/${name}`));
    }
  } finally {
    await miniflare.dispose();
    await server.close();
  }
});
