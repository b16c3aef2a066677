import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { figureNames, withFigures } from "../../scripts/figures.mjs";
import { readDocument } from "../support/markdown.ts";
import { userProject } from "./support/userProject.ts";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
let project: string;

beforeAll(() => {
  project = userProject();
  for (const name of ["node", "benchmark", "circuit", "llama", "hybrid"])
    cpSync(join(examples, name), join(project, name), { recursive: true });
});

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}

describe("examples/node", () => {
  test.each([
    ["demo", []],
    ["model", ["model"]],
  ])("attributes on the model %s", (name, args) => {
    const stdout = run("node/attribute.mjs", ...args);
    expect(stdout).toContain(`model     ${name} · 3 layers × 2 heads`);
    expect(stdout).toContain("✓ adds up");
    expect(stdout).toContain("The largest row by head is L1H1: -5.8260"); // as the README's table has it
    const [, difference, bound] = /differ by (\S+); at most (\S+) was allowed/.exec(stdout)!;
    expect(Number(difference)).toBeLessThanOrEqual(Number(bound));
  });
});

/** That each table's rows add up, and how many tables there are. */
function expectTables(stdout: string, count: number): void {
  expect(stdout.match(/^✓ adds up: /gm)).toHaveLength(count);
  expect(stdout).not.toMatch(/✗|NaN/);
}

test("examples/circuit prints the figures of docs/circuit.md", () => {
  const document = readDocument("docs/circuit.md");
  const printed = run("circuit/circuit.mjs")
    .trimEnd()
    .split(/\n?^(\w+)\n\n/m)
    .slice(1);
  const texts = Object.fromEntries(
    figureNames(document).map((name) => [name, printed[printed.indexOf(name) + 1].trimEnd()]),
  );
  expect(withFigures(document, texts)).toBe(document);
});

test("examples/llama attributes by every unit, a probe and an autoencoder's feature", () => {
  const stdout = run("llama/attribute.mjs");
  expect(stdout).toContain("model     llama · 2 layers × 4 heads · dModel 20 · weights as trained ·");
  expectTables(stdout, 4);
  expect(stdout).toMatch(/^by neuron: 57 rows/m); // 2 layers of 28, and the remainder
  expect(stdout).toMatch(/^by full: 66 rows/m); // their 8 heads too, embed and bias
  for (const [, size, bound] of stdout.matchAll(/(?:rounding|error) (-?\S+) within (\S+)$/gm))
    expect(Math.abs(Number(size))).toBeLessThanOrEqual(Number(bound));
  expect(stdout.match(/^= logit diff .*$/gm)!.map((line) => line.split(/\s+/)[3])).toEqual([
    "+3.9449",
    "+3.9449",
  ]);
  expect(stdout).toMatch(/^with the autoencoder's own bias 0.1086: relu\(2.6365\)$/m);
});

test("examples/hybrid attributes the mixer that declares its writer, and is refused without", () => {
  const stdout = run("hybrid/attribute.mjs");
  expectTables(stdout, 2);
  for (const layer of [0, 1]) expect(stdout).toMatch(new RegExp(`^${layer}_mamba_out +[+-]\\d`, "m"));
  expect(stdout).toContain(
    'NotImplementedError: directLogitAttribution: got a block of type "attn+mamba+mlp"',
  );
});

describe("examples/benchmark", () => {
  test("says what it measured, with two threads on a folder", () => {
    const args = ["--prompts", "7", "--threads", "2", "--unit", "head", "--model", "model", "--json"];
    const report = JSON.parse(run("benchmark/benchmark.mjs", ...args));
    expect(report).toMatchObject({ model: "model", backend: "wasm", threads: 2, unit: "head", prompts: 7 });
    // BOS and 14 tokens each, and 0, 1, 2, 3, 4, 0, 1 times "Then"
    expect(report.tokens).toBe(7 * 15 + 11);
    expect(report.tokensPerSecond).toBeGreaterThan(0);
    expect(report.greatestError).toBeLessThan(1e-4);
  });

  test("prints a line for each figure", () => {
    const lines = run("benchmark/benchmark.mjs", "--prompts", "3").trimEnd().split("\n");
    expect(lines).toContain("prompts          3");
    expect(lines).toHaveLength(11);
  });
});
