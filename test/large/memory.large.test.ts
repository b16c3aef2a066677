import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shapes, writeCheckpoint } from "../../bench/checkpoint.ts";
import { megabytes, runChild, temporaryFolder } from "./support.ts";

// The embedding stays in the file: what is loaded is less than the file, with all that runs.
test("gpt2-small's shape from a folder, and an attribution, within 0.88 of the checkpoint's bytes", async () => {
  const folder = temporaryFolder();
  writeCheckpoint(folder, shapes.gpt2);
  const { size } = statSync(join(folder, "model.safetensors"));
  const { peak, ...rest } = await runChild<{ peak: number; backend: string }>("attribute", [
    ...[folder, "1", "15", "component"],
  ]);
  console.info(
    `gpt2-small's shape: peak RSS ${megabytes(peak)}, ${(peak / size).toFixed(3)} of ${megabytes(size)}`,
  );
  expect(rest.backend).toBe("wasm");
  expect(peak / size).toBeLessThanOrEqual(0.88);
});

// The embedding is in memory too, where a file cannot be read at any place.
test("from a stream or a response: one copy; from a buffer: two", async () => {
  const folder = temporaryFolder();
  writeCheckpoint(folder, shapes.distilgpt2);
  const { size } = statSync(join(folder, "model.safetensors"));
  for (const [kind, least, most] of [
    ["stream", 1, 1.5],
    ["response", 1, 1.5],
    ["buffer", 1.9, 2.4],
  ] as const) {
    const { peak } = await runChild<{ peak: number }>("loadStream", [folder, kind]);
    console.info(`distilgpt2's shape from a ${kind}: ${(peak / size).toFixed(3)} of ${megabytes(size)}`);
    expect(peak / size, kind).toBeGreaterThanOrEqual(least);
    expect(peak / size, kind).toBeLessThanOrEqual(most);
  }
});
