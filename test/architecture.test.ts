import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { version } from "../src/version.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const src = join(root, "src");

/** What each folder of src may import: errors ← tensor ← model ← dla ← report ← cli, and beside the chain node and demo. */
const mayImport: Record<string, readonly string[]> = {
  "errors.ts": [],
  "version.ts": [],
  tensor: ["errors.ts"],
  model: ["errors.ts", "tensor"],
  dla: ["errors.ts", "version.ts", "tensor", "model"],
  report: ["errors.ts", "tensor", "model", "dla"],
  node: ["errors.ts", "version.ts", "tensor", "model"],
  demo: ["model"],
  cli: ["errors.ts", "version.ts", "tensor", "model", "dla", "report", "node", "demo"],
  "thread.ts": ["tensor"],
  "index.ts": ["errors.ts", "version.ts", "tensor", "model", "dla", "report"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name),
);
const text = (file: string) => readFileSync(join(src, file), "utf8");
const code = (file: string) => text(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
const imports: Import[] = files.flatMap((file) =>
  [...text(file).matchAll(/(?:from\s+|import\(\s*)"([^"]+)"/g)].map(([, specifier]) => ({ file, specifier })),
);
const layerOf = (path: string) => path.split("/")[0];
const target = ({ file, specifier }: Import) => relative(src, join(src, dirname(file), specifier));

describe("imports point one way", () => {
  const crossing = imports.filter(
    (item) => item.specifier.startsWith(".") && layerOf(target(item)) !== layerOf(item.file),
  );

  test.each([...new Set(files.map(layerOf))])("%s imports only what lies below it", (layer) => {
    const own = crossing.filter((item) => layerOf(item.file) === layer);
    expect(own.filter((item) => !mayImport[layer]?.includes(layerOf(target(item))))).toEqual([]);
  });

  test("also between the folders of dla", () => {
    const folderOf = (path: string) => /^dla\/(\w+)\//.exec(path)?.[1];
    const below = new Map<string, Set<string>>();
    for (const item of imports) {
      const [from, to] = [folderOf(item.file), folderOf(target(item))];
      if (from && to && from !== to) below.set(from, (below.get(from) ?? new Set()).add(to));
    }
    expect(below.size).toBeGreaterThan(5);
    const reached = (from: string, seen = new Set<string>()): Set<string> => {
      for (const to of below.get(from) ?? []) if (!seen.has(to)) reached(to, seen.add(to));
      return seen;
    };
    expect([...below.keys()].filter((folder) => reached(folder).has(folder))).toEqual([]);
  });

  // a thread's entry is to load nothing but the thread's loop
  test("a folder is entered by its index, but by the entries of threads", () => {
    expect(crossing.length).toBeGreaterThan(20);
    const elsewhere = crossing.filter((item) => !/^([^/]+\/index|errors|version)\.ts$/.test(target(item)));
    expect(elsewhere.map((item) => [item.file, target(item)]).sort()).toEqual([
      ["node/thread.ts", "tensor/wasm/threads/thread.ts"],
      ["thread.ts", "tensor/wasm/threads/thread.ts"],
    ]);
  });

  test("a relative import names a file with its extension", () => {
    const named = /\.(ts|json|txt|safetensors)$/;
    const bare = imports.filter(({ specifier }) => specifier.startsWith(".") && !named.test(specifier));
    expect(bare).toEqual([]);
  });
});

describe("the package", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

  test("has no runtime dependencies", () => {
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(manifest.peerDependencies ?? {}).toEqual({});
    expect(manifest.optionalDependencies ?? {}).toEqual({});
  });

  test("imports nothing but its own files, #kernels among them, and node: in src/node and src/cli only", () => {
    const foreign = imports.filter(({ specifier }) => !specifier.startsWith("."));
    const allowed = foreign.filter(
      ({ file, specifier }) =>
        (/^(node|cli)\//.test(file) && specifier.startsWith("node:")) ||
        (file === "tensor/wasm/compile.edge.ts" && specifier === "#kernels"),
    );
    expect(foreign).toEqual(allowed);
  });

  test("uses no global of Node outside src/node and src/cli", () => {
    const portable = files.filter((file) => !/^(node|cli)\//.test(file));
    expect(
      portable.filter((file) => /\b(process|Buffer|__dirname|require)\b\s*[.(]/.test(code(file))),
    ).toEqual([]);
  });

  test("says its version once", () => expect(version).toBe(manifest.version));
});

test("no kernel uses a function whose last bits differ between engines", () => {
  const kernels = files.filter((file) => file.startsWith("tensor/"));
  const offending = kernels.filter((file) =>
    /Math\.(exp|expm1|tanh|pow|log\w*|sin|cos)\b|\*\*\s*[a-z]/.test(code(file)),
  );
  expect(offending).toEqual([]);
});
