import { expect, test } from "vitest";
import { MOST_CHUNKS } from "../../../../src/tensor/wasm/threads/control.ts";
import { noise } from "../../conformance/support.ts";
import { crewFor, sumsIn } from "./support.ts";

test.each([2, 3, 5])("a crew of %d does every chunk once, more than a job may have too", async (threads) => {
  const crew = await crewFor(threads);
  const counts = [1, 2, 3, 64, MOST_CHUNKS - 1, MOST_CHUNKS, MOST_CHUNKS + 1, 3 * MOST_CHUNKS + 5];
  const { add, floats } = sumsIn(crew, Math.max(...counts) + 1);
  for (const chunks of counts) {
    floats.fill(0);
    add(chunks);
    expect(new Set(floats.subarray(0, 4 * chunks)), `${chunks} chunks`).toEqual(new Set([1]));
    expect(new Set(floats.subarray(4 * chunks)), `${chunks} chunks`).toEqual(new Set([0]));
  }
  crew.dispose();
});

test("a crew works in every memory that it knows, by turns", async () => {
  const crew = await crewFor(3);
  const memories = Array.from({ length: 5 }, () => sumsIn(crew, 40));
  for (let turn = 1; turn <= 50; turn++) {
    for (const { add } of memories) add(40);
    for (const { floats } of memories) expect(new Set(floats)).toEqual(new Set([turn]));
  }
  crew.dispose();
});

test("60 crews, one after the other, are told of memories, work and end", async () => {
  const given = noise(1, 4000);
  for (let n = 0; n < 60; n++) {
    const crew = await crewFor([2, 3, 5][n % 3]);
    for (let memory = 0; memory < 3; memory++) {
      const { add, floats } = sumsIn(crew, 1000);
      floats.set(given);
      add(1000);
      expect(floats).toEqual(given.map((value) => value + 1));
    }
    crew.dispose();
  }
});
