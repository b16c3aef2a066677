import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

const project = inject("project");
const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = fileURLToPath(new URL("node_modules", import.meta.url));
const env = { ...process.env, NO_COLOR: "1", CI: "1", WRANGLER_SEND_METRICS: "false" };

beforeAll(() => {
  for (const name of ["deno", "hono-worker"])
    cpSync(join(root, "examples", name), join(project, "examples", name), { recursive: true });
  const hono = join(project, "node_modules/hono");
  if (!existsSync(hono)) symlinkSync(join(modules, "hono"), hono, "dir");
});

test("examples/deno runs without any permission, and type-checks", () => {
  const deno = (...args: string[]) =>
    spawnSync(join(modules, ".bin/deno"), args, { cwd: project, encoding: "utf8", env });
  const file = "examples/deno/attribute.ts";
  const { status, stdout, stderr } = deno("run", "--no-prompt", "--node-modules-dir=manual", "--check", file);
  expect(stderr.replace(/^Check .*\n/, "")).toBe("");
  expect(status).toBe(0);
  expect(stdout).toContain("✓ adds up");
  expect(stdout).toMatch(/\nwasm, on 1 thread\n$/);
});

describe("examples/hono-worker", () => {
  const worker = join(project, "examples/hono-worker");
  const out = join(worker, "out");
  let miniflare: Miniflare;

  beforeAll(() => {
    const wrangler = [join(modules, "wrangler/bin/wrangler.js"), "deploy", "--dry-run", "--outdir", "out"];
    execFileSync(process.execPath, wrangler, { cwd: worker, env });
    const files = readdirSync(out).filter((name) => /\.(js|wasm)$/.test(name));
    miniflare = new Miniflare({
      modules: files
        .sort((a, b) => Number(b.endsWith(".js")) - Number(a.endsWith(".js")))
        .map((name) => ({
          type: name.endsWith(".js") ? "ESModule" : "CompiledWasm",
          path: join(out, name),
          contents: readFileSync(join(out, name)),
        })),
      modulesRoot: out,
      compatibilityDate: /"compatibility_date": "(.*)"/.exec(
        readFileSync(join(worker, "wrangler.jsonc"), "utf8"),
      )![1],
    });
  });
  afterAll(() => miniflare?.dispose());

  async function post(body: string): Promise<{ status: number; json: unknown }> {
    const response = await miniflare.dispatchFetch("http://localhost/attribute", { method: "POST", body });
    const text = await response.text();
    return { status: response.status, json: text.startsWith("{") ? JSON.parse(text) : text };
  }

  test("type-checks", () => {
    const tsc = [join(root, "node_modules/typescript/bin/tsc"), "--ignoreConfig", "--noEmit", "--strict"];
    const options = [
      "--target",
      "es2022",
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
      "--types",
      "",
    ];
    const { stdout } = spawnSync(process.execPath, [...tsc, ...options, "--skipLibCheck", "src/index.ts"], {
      cwd: worker,
      encoding: "utf8",
    });
    expect(stdout).toBe("");
  });

  test("answers with the document that --format json prints", async () => {
    const prompt = "When Mary and John went to the store, John gave a drink to";
    const request = { prompt, answer: " Mary", wrong: " John", unit: "head" };
    const cli = join(project, "node_modules/logitscope/dist/cli.js");
    const args = [prompt, "--answer", " Mary", "--wrong", " John", "--unit", "head", "--format", "json"];
    const printed = JSON.parse(execFileSync(process.execPath, [cli, ...args], { encoding: "utf8" }));
    const { status, json } = await post(JSON.stringify(request));
    expect(status).toBe(200);
    const { attributions, labels, schemaVersion } = json as typeof printed;
    expect({ attributions, labels, schemaVersion }).toEqual({
      attributions: printed.attributions,
      labels: printed.labels,
      schemaVersion: 1,
    });
  });

  test("takes the model's own prediction where no answer is given", async () => {
    const { status, json } = await post('{ "prompt": "The capital of France is" }');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      unit: "component",
      attributions: [{ answer: { text: " Paris" }, wrong: null }],
    });
  });

  test.each([
    ["no JSON", "prompt=a", /^body: got no JSON object/],
    ["a list", "[]", /^body: got no JSON object/],
    ["no prompt", '{ "answer": " Mary" }', /^prompt: got nothing/],
    ["a prompt that is no text", '{ "prompt": [1, 2] }', /^prompt: got \[1,2\]/],
    ["an answer of several tokens", '{ "prompt": "a", "answer": "Mary Mary" }', /answer/],
    ["an unknown unit", '{ "prompt": "a", "unit": "neurons" }', /unit/],
    ["a prompt longer than the context", JSON.stringify({ prompt: "the ".repeat(200) }), /64/],
  ])("%s is answered with 400 and the reason", async (_what, body, message) => {
    const { status, json } = await post(body);
    expect(json).toEqual({ error: { name: "ValueError", message: expect.stringMatching(message) } });
    expect(status).toBe(400);
  });

  test("a body that is too long is refused unread", async () => {
    expect(await post(JSON.stringify({ prompt: "a".repeat(20_000) }))).toMatchObject({ status: 413 });
  });
});
