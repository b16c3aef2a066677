import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EdgeVM } from "@edge-runtime/vm";
import { build } from "esbuild";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { expectProbed } from "./support/expectProbed.ts";
import type { Probed } from "./support/probe.ts";
import { startWorkerd } from "./support/workerd.ts";

const project = inject("project");
const bin = (name: string) => fileURLToPath(new URL(`node_modules/.bin/${name}`, import.meta.url));
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, {
    cwd: project,
    encoding: "utf8",
    timeout: 90_000,
    stdio: "pipe",
    env: { ...process.env, NO_COLOR: "1" },
  });

beforeAll(() => {
  writeFileSync(
    join(project, "core.mjs"),
    `import { probe } from "./probe.mjs";
console.log(JSON.stringify(await probe([1])));`,
  );
  writeFileSync(
    join(project, "node.mjs"),
    `import { directLogitAttribution } from "logitscope";
import { fromPretrained, spawnThread } from "logitscope/node";
import { probe } from "./probe.mjs";
const model = await fromPretrained("model", { compatibilityMode: true, threads: 2 });
const { attributions } = directLogitAttribution(model, "The capital of France is", { answer: " Paris" });
model.dispose();
console.log(JSON.stringify({ logit: attributions[0].check.logit, probed: await probe([1, 2, 3], { spawnThread }) }));`,
  );
});

const lacksFast = /^wasm: precision "fast" needs relaxed SIMD, which this engine lacks: /;
const refuses = /^js: this runtime refuses the WebAssembly kernels: .*code generation disallowed/;

/** What prints the whole of logitscope/node: a model from a folder, and threads. */
function expectNodeEntry(runtime: string, version: string, fast: RegExp, printed: string): void {
  const { logit, probed } = JSON.parse(printed) as { logit: number; probed: Probed[] };
  expect(logit).toBeGreaterThan(5);
  expectProbed(runtime, version, probed, { backend: /^wasm$/, fast, threads: [1, 2, 3] });
}

describe.each(["20", "22", "24", "26"])("Node %s", (major) => {
  let node: string;
  beforeAll(() => {
    const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
    const folder = join(project, `node${major}`);
    mkdirSync(folder);
    run("npm", "install", "--no-save", "--loglevel=error", "--prefix", folder, `${name}@${major}`);
    node = join(folder, `node_modules/${name}/bin/node`);
  });

  test("logitscope, /demo and /node have the recorded bits on 1, 2 and 3 threads", () => {
    const version = run(node, "--version").trim();
    expect(version).toMatch(new RegExp(`^v${major}\\.`));
    expectNodeEntry("Node", version, major === "20" ? lacksFast : /^wasm fast$/, run(node, "node.mjs"));
  });
});

test("Bun: every entry, with threads", () => {
  expectNodeEntry("Bun", run(bin("bun"), "--version").trim(), /^wasm fast$/, run(bin("bun"), "node.mjs"));
});

describe("Deno", () => {
  const deno = (...args: string[]) =>
    run(bin("deno"), "run", "--no-prompt", "--node-modules-dir=manual", ...args);
  const version = () => /^deno (\S+)/.exec(run(bin("deno"), "--version"))![1];

  test("the core entry and the demo model need no permission", () => {
    const probed = JSON.parse(deno("core.mjs"));
    expectProbed("Deno, no permissions", version(), probed, {
      backend: /^wasm$/,
      fast: /^wasm fast$/,
      threads: [1],
    });
  });

  test("logitscope/node needs to read, and has threads then", () => {
    expectNodeEntry("Deno, --allow-read", version(), /^wasm fast$/, deno("--allow-read", "node.mjs"));
    expect(() => deno("node.mjs")).toThrow(/NotCapable/);
  });
});

describe("workerd", () => {
  const worker = `import { probe } from "./probe.mjs";
export default { async fetch() { return Response.json(await probe([1])); } };`;
  const version = createRequire(import.meta.url)("workerd/package.json").version;

  /** What a Worker answers that a bundler with these conditions made, and of which files. */
  async function answer(conditions: string[]): Promise<{ probed: Probed[]; files: readonly string[] }> {
    const workerd = await startWorkerd(worker, project, conditions);
    try {
      return { probed: (await workerd.fetch("/")) as Probed[], files: workerd.files };
    } finally {
      await workerd.dispose();
    }
  }

  test("the kernels' .wasm file, deployed with the script, computes", async () => {
    const { probed, files } = await answer(["workerd", "worker"]);
    expect(files).toEqual(["ESModule", "CompiledWasm"]);
    expectProbed("workerd", version, probed, { backend: /^wasm$/, fast: lacksFast, threads: [1] });
  });

  test("a script bundled for another runtime falls back to plain JavaScript, and says why", async () => {
    const { probed } = await answer([]);
    expectProbed("workerd, bundled without its condition", version, probed, {
      backend: refuses,
      fast: refuses,
      threads: [1],
    });
  });
});

describe("an edge VM that forbids code generation", () => {
  const version = createRequire(import.meta.url)("@edge-runtime/vm/package.json").version;

  /** @param asModule where `kernels.wasm?module` is to be found, as edge platforms bind it */
  async function answer(conditions: string[], binding?: WebAssembly.Module): Promise<Probed[]> {
    const { outputFiles } = await build({
      stdin: {
        contents: 'import { probe } from "./probe.mjs"; globalThis.probe = probe;',
        resolveDir: project,
      },
      bundle: true,
      format: "iife",
      conditions,
      write: false,
      logOverride: { "empty-import-meta": "silent" },
      plugins: [
        {
          name: "bound",
          setup({ onResolve, onLoad }) {
            onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: "bound" }));
            onLoad({ filter: /./, namespace: "bound" }, () => ({
              contents: "export default globalThis.kernels",
            }));
          },
        },
      ],
    });
    const vm = new EdgeVM({
      codeGeneration: { strings: false, wasm: false },
      extend: (context) => Object.assign(context, { kernels: binding }),
    });
    vm.evaluate(outputFiles[0].text);
    expect(() => vm.evaluate("new Function('return 1')()")).toThrow(/Code generation/);
    return JSON.parse(await vm.evaluate("probe([1]).then(JSON.stringify)"));
  }

  test("plain JavaScript computes", async () => {
    expectProbed("edge VM", version, await answer([]), { backend: refuses, fast: refuses, threads: [1] });
  });

  test("the kernels compute where the platform binds their file, as for edge-light", async () => {
    const file = join(project, "node_modules/logitscope/dist/edge/kernels.wasm");
    const kernels = new WebAssembly.Module(readFileSync(file));
    const probed = await answer(["edge-light"], kernels);
    expectProbed("edge VM, edge-light", version, probed, {
      backend: /^wasm$/,
      fast: lacksFast,
      threads: [1],
    });
  });
});
