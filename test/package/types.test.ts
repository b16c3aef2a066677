import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { npm } from "../support/userProject.ts";
import { userProject } from "./support/userProject.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const document = readFileSync(join(root, "docs/versions.md"), "utf8");
const least = /TypeScript (\d+\.\d+) is the oldest/.exec(document)![1];
let project: string;

beforeAll(() => {
  project = userProject();
  npm(project, "install", "--no-save", "--prefix", "./oldest", `typescript@~${least}.0`);
  npm(project, "install", "--save-dev", "@types/node@20");
});

/** Needs nothing of a runtime's types. */
const everywhere = `
import { type Attributable, directLogitAttribution, type HookName, modelFromFiles, type ResponseCache, type Source } from "logitscope";
import { demoModel } from "logitscope/demo";
import { fromPretrained, spawnThread } from "logitscope/node";
const model: Attributable = await demoModel({ threads: 2, spawnThread });
const name: HookName = "blocks.0.attn.hook_z";
export const scores: Float64Array = directLogitAttribution(model, "x", { answer: 1 }).attributions[0]!.scores.data;
(await fromPretrained("x")).runWithHooks("x", [[name, (z) => { z.data.fill(0); }]]);
const bytes: Source = new Uint8Array(3);
await modelFromFiles({ "config.json": bytes, "vocab.json": async () => new ArrayBuffer(3) });
export const cache: Partial<ResponseCache> = { delete: async () => true };
// @ts-expect-error: no hook has such a name
const typo: HookName = "blocks.0.attn.hook_zz";
// @ts-expect-error: no source
await modelFromFiles({ "config.json": 3 });
// @ts-expect-error: no source either, an address is a URL
await modelFromFiles({ "config.json": "https://example.org" });
// @ts-expect-error: no signal
await modelFromFiles({}, { signal: 3 });
`;

/** Hands over what a runtime has, and takes it. */
const withRuntime = `${everywhere}
const { signal } = new AbortController();
declare const kept: Map<string, Response>;
const responses: ResponseCache = {
  match: async (address) => kept.get(address)?.clone(),
  put: async (address, response) => void kept.set(address, response.clone()),
  delete: async (address) => kept.delete(address),
};
await modelFromFiles({
  "config.json": new URL("https://example.org"),
  "model.safetensors": (signal) => fetch("https://example.org", signal ? { signal } : {}),
  "vocab.json": new Blob(["x"]),
  "merges.txt": await fetch("https://example.org"),
  "tokenizer.json": new Blob(["x"]).stream(),
}, { signal, cacheStorage: responses });
await fromPretrained("x", { signal, fetch });
`;

const projects = {
  'lib "ES2023" alone': { lib: ["es2023"], types: [], source: everywhere },
  "@types/node": { lib: ["es2023"], types: ["node"], source: withRuntime },
  "the DOM library": { lib: ["es2023", "dom", "dom.iterable"], types: [], source: withRuntime },
};

const resolutions = [
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "node16", moduleResolution: "node16" },
  { module: "esnext", moduleResolution: "bundler" },
];

/** What tsc prints of a user's file: nothing where all is well. */
function compiled(typescript: string, source: string, options: object): string {
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
  const compilerOptions = { noEmit: true, target: "es2022", ...strict, ...options };
  writeFileSync(join(project, "user.ts"), source);
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.ts"] }));
  const args = [join(typescript, "bin/tsc"), "-p", "."];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}` || `tsc exited with ${status}`;
}

describe.each([
  ["the oldest TypeScript", () => join(project, "oldest/node_modules/typescript")],
  ["the TypeScript of package.json", () => join(root, "node_modules/typescript")],
])("%s", (_, typescript) => {
  test("is the one that is named", () => {
    const { version } = JSON.parse(readFileSync(join(typescript(), "package.json"), "utf8"));
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const named = typescript().startsWith(root) ? devDependencies.typescript.slice(1) : least;
    expect(version.split(".")[0]).toBe(named.split(".")[0]);
  });

  test("a model may be declared with using, where a project knows that", () => {
    if (!typescript().startsWith(root)) return; // since 5.2
    const source =
      'import { demoModel } from "logitscope/demo"; using model = await demoModel(); model.run("x");';
    expect(compiled(typescript(), source, { lib: ["es2023"], types: ["node"], ...resolutions[0] })).toBe("");
    expect(
      compiled(typescript(), source, { lib: ["es2023", "esnext.disposable"], types: [], ...resolutions[0] }),
    ).toBe("");
  });

  describe.each(Object.entries(projects))("with %s", (_, { lib, types, source }) => {
    test.each(resolutions)("a user's code compiles under %o, and no wrong one does", (resolution) => {
      expect(compiled(typescript(), source, { ...resolution, lib, types })).toBe("");
    });
  });
});
