import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { kernelsModule } from "../../src/tensor/wasm/code/index.ts";
import { npm } from "../support/userProject.ts";
import { userProject } from "./support/userProject.ts";

let project: string;

/** What a user writes first: every entry, one attribution. */
const script = `
import { directLogitAttribution, dla, toTable, top } from "logitscope";
import { demoModel } from "logitscope/demo";
import { fromPretrained } from "logitscope/node";

const model = await demoModel({ compatibilityMode: true });
const prompt = "When Mary and John went to the store, John gave a drink to";
const result = directLogitAttribution(model, prompt, { answer: " Mary", wrong: " John", unit: "head" });
const { scores, checks } = dla(model, [prompt], [[" Mary", " John"]]);
const folder = await fromPretrained(process.argv[2], { compatibilityMode: true });
const same = directLogitAttribution(folder, prompt, { answer: " Mary", wrong: " John" });
console.log(JSON.stringify({
  logit: result.attributions[0].check.logit,
  sum: scores.reduce((a, b) => a + b, 0) + checks[0].bias,
  bound: checks[0].bound + checks[0].roundingBound,
  folder: same.attributions[0].check.logit,
  top: top(result, 1)[0].label,
  table: toTable(result).length > 100,
}));
`;

beforeAll(() => {
  project = userProject();
  writeFileSync(join(project, "script.mjs"), script);
});

test("the tarball holds the built package and nothing else", () => {
  const installed = join(project, "node_modules/logitscope");
  const listed = execFileSync("find", [".", "-type", "f"], { cwd: installed, encoding: "utf8" })
    .trim()
    .split("\n");
  const foreign = listed.filter(
    (file) =>
      !/^\.\/(dist\/|docs\/|bench\/README\.md$|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$|SECURITY\.md$)/.test(
        file,
      ),
  );
  expect(foreign).toEqual([]);
  expect(listed).toEqual(expect.arrayContaining(["./dist/thread.js", "./docs/attribution.schema.json"]));
  expect(JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")).packages).toHaveProperty([
    "node_modules/logitscope",
  ]);
  expect(
    Object.keys(JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")).packages),
  ).toHaveLength(2);
});

test("every file that its scripts name is there: an import, or what a bundler takes along", () => {
  const dist = join(project, "node_modules/logitscope/dist");
  const scripts = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  const named = scripts.flatMap((script) => {
    const text = readFileSync(join(dist, script), "utf8");
    const names = [...text.matchAll(/(?:from |import |import\(|new URL\()"(\.[^"]+)"/g)].map(
      ([, name]) => name,
    );
    return names.map((name) => ({ script, name, file: join(dist, dirname(script), name.split("?")[0]) }));
  });
  expect(named.length).toBeGreaterThan(scripts.length);
  expect(named.filter(({ file }) => !existsSync(file))).toEqual([]);
});

test("the kernels that it compiles are what the sources assemble, byte for byte", () => {
  writeFileSync(
    join(project, "kernels.mjs"),
    `const compiled = [];
const { Module } = WebAssembly;
WebAssembly.Module = new Proxy(Module, {
  construct(target, [bytes]) {
    compiled.push(Buffer.from(bytes).toString("base64"));
    return new target(bytes);
  },
});
const { startKernels } = await import("logitscope");
const { spawnThread } = await import("logitscope/node");
for (const precision of ["reproducible", "fast"]) {
  for (const threads of [1, 2]) (await startKernels({ precision, threads, spawnThread })).dispose();
}
console.log(JSON.stringify(compiled));`,
  );
  const flags = process.version.startsWith("v20.") ? ["--experimental-wasm-relaxed-simd"] : [];
  const printed = execFileSync(process.execPath, [...flags, "kernels.mjs"], {
    cwd: project,
    encoding: "utf8",
  });
  const assembled = (["reproducible", "fast"] as const).flatMap((precision) =>
    [false, true].map((shared) => Buffer.from(kernelsModule(precision, shared)).toString("base64")),
  );
  expect(new Set(JSON.parse(printed))).toEqual(new Set(assembled));
  const file = readFileSync(join(project, "node_modules/logitscope/dist/edge/kernels.wasm"));
  expect(file.toString("base64")).toBe(assembled[0]);
});

describe.each(["20", "22", "24", "26"])("Node %s", (major) => {
  let node: string;

  beforeAll(() => {
    const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
    npm(project, "install", "--no-save", "--prefix", `./node${major}`, `${name}@${major}`);
    node = join(project, `node${major}/node_modules/${name}/bin/node`);
  });

  test("is what runs", () => {
    expect(execFileSync(node, ["--version"], { encoding: "utf8" })).toMatch(new RegExp(`^v${major}\\.`));
  });

  test("every entry works, and the attribution adds up", () => {
    const printed = JSON.parse(
      execFileSync(node, ["script.mjs", "model"], { cwd: project, encoding: "utf8" }),
    );
    expect(printed).toMatchObject({ folder: printed.logit, table: true });
    expect(Math.abs(printed.sum - printed.logit)).toBeLessThanOrEqual(printed.bound);
    expect(printed.top).toMatch(/^(L\d+H\d+|remainder)$/);
  });

  test("the command prints the demo attribution", () => {
    const bin = join(project, "node_modules/logitscope/dist/cli.js");
    const { stdout, status } = spawnSync(node, [bin, "--format", "json"], { encoding: "utf8" });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      unit: "component",
      prompts: [{ text: expect.any(String) }],
    });
  });

  test("the command has the same scores on two threads as on one, and no note", () => {
    const bin = join(project, "node_modules/logitscope/dist/cli.js");
    const [one, two] = ["1", "2"].map((threads) =>
      spawnSync(node, [bin, "--format", "json", "--unit", "head", "--threads", threads], {
        encoding: "utf8",
        timeout: 60_000,
      }),
    );
    expect(one).toMatchObject({ status: 0, stderr: "" });
    expect(two).toMatchObject({ status: 0, stderr: "", stdout: one.stdout });
  });
});

describe("the command as a process", () => {
  const bin = () => join(project, "node_modules/logitscope/dist/cli.js");

  test("a reader that closes the pipe ends it quietly", () => {
    const line = `"${process.execPath}" "${bin()}" | head -n 1`;
    const { stdout, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", line], { encoding: "utf8" });
    expect(stdout).toMatch(/^model /);
    expect(stderr).toBe("");
  });

  test.each([
    [["--foo"], 2, /^logitscope: .*--foo.*Try logitscope --help\n$/],
    [["--model", "./nowhere", "a"], 1, /^logitscope: \.\/nowhere: got nothing there/],
  ])("%j exits with %d and says why", (args, code, message) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin(), ...args], { encoding: "utf8" });
    expect(status).toBe(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
  });
});
