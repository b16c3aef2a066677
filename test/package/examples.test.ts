import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { userProject } from "./support/userProject.ts";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
let project: string;

beforeAll(() => {
  project = userProject();
  for (const name of ["node", "benchmark"])
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
