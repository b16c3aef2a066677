import { statfsSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { expect, test } from "vitest";
import { shapes, writeCheckpoint } from "../../bench/checkpoint.ts";
import { estimateMemory, parseConfig } from "../../src/index.ts";
import { megabytes, runChild, temporaryFolder } from "./support.ts";

interface Printed {
  readonly backend: string;
  readonly threads: number;
  readonly rows: number;
  readonly sum: number;
  readonly peak: number;
  readonly loadSeconds: number;
  readonly runSeconds: number;
  readonly check: Readonly<Record<"sum" | "rounding" | "bias" | "logit" | "bound" | "roundingBound", number>>;
}

const shape = shapes["gpt2-xl"];
const { weights, embedding } = estimateMemory(parseConfig(JSON.stringify({ model_type: "gpt2", ...shape })));
const needed = { memory: 1.15 * weights, disk: weights + embedding + 1e9 };

/** What this machine has too little of, or null. */
function shortage(): string | null {
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = { memory: freemem(), disk: bavail * bsize };
  const short = (["memory", "disk"] as const).find((kind) => free[kind] < needed[kind]);
  return short ? `${megabytes(free[short])} of free ${short}, needs ${megabytes(needed[short])}` : null;
}

// 6.2 GB of float32: more than one WebAssembly memory addresses, at offsets in the file beyond 32 bits
test("gpt2-xl's shape is loaded from a folder, folded, and its attribution adds up", async ({ skip }) => {
  const short = shortage();
  if (short !== null) console.warn(`SKIPPED: gpt2-xl's shape: got ${short}`);
  skip(short !== null, short ?? "");

  const folder = temporaryFolder();
  writeCheckpoint(folder, shape);
  for (const [threads, length, unit] of [
    ["1", "20", "component"],
    ["2", "20", "head"],
  ]) {
    const printed = await runChild<Printed>("attribute", [folder, threads, length, unit]);
    const { peak, loadSeconds, runSeconds, check } = printed;
    console.info(
      `gpt2-xl's shape, ${threads} threads: peak RSS ${megabytes(peak)}, loaded in ${loadSeconds.toFixed(1)} s, ` +
        `attributed by ${unit} in ${runSeconds.toFixed(1)} s`,
    );
    expect(printed).toMatchObject({ backend: "wasm", threads: Number(threads) });
    expect(printed.rows).toBe(unit === "head" ? 48 * 25 + 1 : 2 + 2 * 48);
    const tolerance = check.bound + check.roundingBound;
    expect(tolerance).toBeLessThan(1e-3);
    expect(Math.abs(printed.sum + check.bias - check.logit)).toBeLessThanOrEqual(tolerance);
    expect(peak).toBeLessThan(needed.memory);
  }
});
