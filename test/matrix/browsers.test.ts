import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { chromiumPath, launchChromium } from "./support/chromium.ts";
import { expectProbed, type Wanted } from "./support/expectProbed.ts";
import type { Probed } from "./support/probe.ts";
import { isolating, serveFolders } from "./support/staticServer.ts";

const project = inject("project");
const site = join(project, "site");

/** What pages load: the package's own files from where they are served, and a script that leaves its report in `report`. */
beforeAll(async () => {
  mkdirSync(site);
  writeFileSync(
    join(site, "index.html"),
    '<!doctype html><title>logitscope</title><script type="module" src="/page.js"></script>',
  );
  writeFileSync(
    join(site, "page.js"),
    'import { probe } from "/probe.js"; globalThis.report = probe([1, 2, 3]);',
  );
  writeFileSync(
    join(site, "worker.html"),
    '<!doctype html><title>logitscope</title><script type="module" src="/starter.js"></script>',
  );
  writeFileSync(
    join(site, "starter.js"),
    `const worker = new Worker("/worker.js", { type: "module" });
globalThis.report = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
});`,
  );
  writeFileSync(
    join(site, "worker.js"),
    'import { probe } from "/probe.js"; postMessage(await probe([1, 2, 3]));',
  );
  await build({
    entryPoints: [join(project, "probe.mjs")],
    outfile: join(site, "probe.js"),
    bundle: true,
    format: "esm",
    alias: { logitscope: "/logitscope/index.js", "logitscope/demo": "/logitscope/demo.js" },
    external: ["/logitscope/*"],
  });
  const { outputFiles } = await build({
    stdin: {
      contents: 'import { probe } from "./probe.mjs"; globalThis.report = probe([1, 2, 3]);',
      resolveDir: project,
    },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  writeFileSync(
    join(site, "inlined.html"),
    `<!doctype html><title>logitscope</title><script type="module">${outputFiles[0].text}</script>`,
  );
});

describe.skipIf(chromiumPath === undefined)("Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  /** What the page reports, and what its console says that is not meant to be there. */
  async function report(url: string): Promise<Probed[]> {
    const page = await browser.newPage();
    try {
      await page.goto(url);
      return await page.evaluate(() => (globalThis as unknown as { report: Promise<Probed[]> }).report);
    } finally {
      await page.close();
    }
  }

  const csp = (scripts: string) => ({
    "content-security-policy": `default-src 'none'; script-src ${scripts}`,
  });
  const one: Wanted = {
    backend: /^wasm(: one thread is used instead of \d: .*cross-origin isolated.*)?$/,
    fast: /^wasm fast(: one thread is used instead of \d: .*cross-origin isolated.*)?$/,
    threads: [1, 1, 1],
  };
  const isolated: Wanted = { backend: /^wasm$/, fast: /^wasm fast$/, threads: [1, 2, 3] };
  const refused = /^js: this runtime refuses the WebAssembly kernels: .*unsafe-eval/;

  test.each<[string, string, Record<string, string>, Wanted]>([
    ["static server", "/", {}, one],
    ["cross-origin isolated", "/", isolating, isolated],
    ["CSP 'self'", "/", csp("'self'"), { backend: refused, fast: refused, threads: [1, 1, 1] }],
    ["CSP 'self' 'wasm-unsafe-eval'", "/", csp("'self' 'wasm-unsafe-eval'"), one],
    ["Web Worker", "/worker.html", {}, one],
    ["Web Worker, cross-origin isolated", "/worker.html", isolating, isolated],
  ])("%s", async (name, path, headers, wanted) => {
    const folders = { "/": site, "/logitscope/": join(project, "node_modules/logitscope/dist") };
    const server = await serveFolders(folders, { headers });
    try {
      expectProbed(`Chromium, ${name}`, browser.version(), await report(`${server.origin}${path}`), wanted);
    } finally {
      await server.close();
    }
  });

  test("a single file opened from disk", async () => {
    const probed = await report(pathToFileURL(join(site, "inlined.html")).href);
    expectProbed("Chromium, one file from disk", browser.version(), probed, one);
  });
});

test.runIf(process.env.CI)("CI has a Chromium", () => expect(chromiumPath).toBeDefined());
