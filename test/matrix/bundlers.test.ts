import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, inject, test } from "vitest";
import { type Bundler, bundlers } from "./support/bundlers.ts";
import { chromiumPath, launchChromium } from "./support/chromium.ts";
import { expectProbed } from "./support/expectProbed.ts";
import type { Probed } from "./support/probe.ts";
import { isolating, serveFolders } from "./support/staticServer.ts";
import { record } from "./support/table.ts";
import { runWorkerd } from "./support/workerd.ts";

const project = inject("project");

/** A folder for a bundle, with the script that is to be bundled. */
function folderFor(script: string): { entry: string; outdir: string } {
  const folder = mkdtempSync(join(project, "bundle-"));
  const [entry, outdir] = [join(folder, "app.js"), join(folder, "out")];
  writeFileSync(entry, script);
  mkdirSync(outdir);
  return { entry, outdir };
}

/** What a page is sent, in bytes after gzip; and the most that it may be. */
const imports: readonly (readonly [what: string, names: string, atMost: number])[] = [
  ["a tokenizer of vocab.json and merges.txt", "gpt2Tokenizer", 5400],
  ["a tokenizer of any files", "createTokenizer", 9100],
  ["attribution of a given model", "directLogitAttribution, toJSON, top", 20_300],
  ["tables", "toTable", 10_000],
  ["models and their attribution", "modelFromFiles, directLogitAttribution", 70_000],
  ["all of it", "* as all", 93_500],
];

/** What a page of the bundle reports, cross-origin isolated. */
async function reportOf(bundle: Bundler["bundle"], threadScript: boolean): Promise<Probed[]> {
  const { entry, outdir } = folderFor(
    'import { probe } from "../probe.mjs"; globalThis.report = probe([1, 2, 3]);',
  );
  await bundle(entry, outdir);
  writeFileSync(join(outdir, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  if (threadScript) {
    copyFileSync(join(project, "node_modules/logitscope/dist/thread.js"), join(outdir, "thread.js"));
  }
  const [browser, server] = await Promise.all([
    launchChromium(),
    serveFolders({ "/": outdir }, { headers: isolating }),
  ]);
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/`);
    return await page.evaluate(() => (globalThis as unknown as { report: Promise<Probed[]> }).report);
  } finally {
    await Promise.all([browser.close(), server.close()]);
  }
}

describe.each(bundlers)("$name", ({ name, version, bundlesWorkers, bundle }) => {
  test("a page of it has the recorded bits, on threads too", async ({ skip }) => {
    if (chromiumPath === undefined) skip();
    const probed = await reportOf(bundle, !bundlesWorkers);
    expectProbed(`Chromium, bundled by ${name}`, version, probed, {
      backend: /^wasm$/,
      fast: /^wasm fast$/,
      threads: [1, 2, 3],
    });
  });

  test.skipIf(bundlesWorkers)(
    "without the script of threads one computes, and says why",
    async ({ skip }) => {
      if (chromiumPath === undefined) skip();
      const probed = await reportOf(bundle, false);
      expect(probed[1]).toMatchObject({
        threads: 1,
        backend: expect.stringMatching(
          /^wasm: one thread is used instead of 2: wasm: a thread cannot be started: /,
        ),
      });
    },
  );

  test("what is not imported is not in the bundle", async () => {
    const sizes: Record<string, number> = {};
    for (const [what, names] of imports) {
      const [imported, used] = names.startsWith("*") ? [names, "{ ...all }"] : [`{ ${names} }`, `[${names}]`];
      const { entry, outdir } = folderFor(`import ${imported} from "logitscope"; globalThis.used = ${used};`);
      sizes[what] = gzipSync(readFileSync(await bundle(entry, outdir)), { level: 9 }).length;
    }
    const shown = Object.entries(sizes).map(([what, size]) => [what, `${(size / 1000).toFixed(1)} kB`]);
    record("sizes, minified and gzipped", { bundler: name, version, ...Object.fromEntries(shown) });
    for (const [what, , atMost] of imports) expect(sizes[what], what).toBeLessThanOrEqual(atMost);
  });
});

test("wrangler's dry run takes the kernels' file along, and what it made computes", async () => {
  const folder = mkdtempSync(join(project, "wrangler-"));
  writeFileSync(
    join(folder, "worker.js"),
    `import { probe } from "../probe.mjs";
export default { async fetch() { return Response.json(await probe([1])); } };`,
  );
  const config = { name: "attribution", main: "worker.js", compatibility_date: "2026-04-01" };
  writeFileSync(join(folder, "wrangler.json"), JSON.stringify(config));
  const wrangler = fileURLToPath(new URL("node_modules/.bin/wrangler", import.meta.url));
  execFileSync(wrangler, ["deploy", "--dry-run", "--outdir", "out"], {
    cwd: folder,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" },
    stdio: "pipe",
    timeout: 60_000,
  });
  const out = join(folder, "out");
  const files = readdirSync(out)
    .filter((name) => /\.(js|wasm)$/.test(name))
    .map((name) => ({ path: join(out, name), contents: readFileSync(join(out, name)) }));
  const workerd = await runWorkerd(files, out);
  try {
    const { version } = createRequire(import.meta.url)("wrangler/package.json");
    const probed = (await workerd.fetch("/")) as Probed[];
    expectProbed("workerd, bundled by wrangler", version, probed, {
      backend: /^wasm$/,
      fast: /^wasm: precision "fast"/,
      threads: [1],
    });
  } finally {
    await workerd.dispose();
  }
});
