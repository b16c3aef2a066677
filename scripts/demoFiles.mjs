// The demo model's files are imported as modules whose default export is their bytes in base64.
import { readFile } from "node:fs/promises";

/** For esbuild: `src/demo` has no other files of these kinds. */
export const demoLoaders = { ".json": "base64", ".txt": "base64", ".safetensors": "base64" };

/** The same for vite, and so for vitest. */
export const demoFiles = {
  name: "demo-files",
  enforce: "pre",
  async load(id) {
    if (!/\/src\/demo\/model\/[^/]+$/.test(id)) return null;
    const base64 = await readFile(id, "base64");
    return { code: `export default "${base64}";`, moduleType: "js" };
  },
};
