import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { recordedHash, recordedHashOfJs } from "../../support/recordedBits.ts";
import type { Probed } from "./probe.ts";
import { record } from "./table.ts";

/** What a runtime is to have. */
export interface Wanted {
  /** The backend as the model reports it, with the reason where another one was wanted. */
  readonly backend: RegExp;
  /** The same where precision "fast" is asked for. */
  readonly fast: RegExp;
  /** How many threads are to have run, in order. */
  readonly threads: readonly number[];
}

/** Asserts that the numbers have the recorded bits of their backend and add up, and adds a row to the table. */
export function expectProbed(
  runtime: string,
  version: string,
  probed: readonly Probed[],
  wanted: Wanted,
): void {
  const of = (asked: Probed["asked"]) => probed.filter((run) => run.asked === asked);
  const names = (runs: readonly Probed[]) =>
    [...new Set(runs.map(({ backend }) => backend.split(":")[0]))].join(" ");
  const hashes = (runs: readonly Probed[]) =>
    [...new Set(runs.map(({ hash }) => hash.slice(0, 12)))].join(" ");
  const [reproducible, fast, js] = [of("reproducible"), of("fast"), of("js")];
  record("runtimes", {
    runtime,
    version,
    backend: names(reproducible),
    threads: reproducible.map(({ threads }) => threads).join(", "),
    check: probed.every(({ addsUp }) => addsUp) ? "adds up" : "✗",
    hash: hashes(reproducible),
    fast: names(fast),
    "hash of js": hashes(js),
  });
  expect(documented(runtime)).toEqual(
    expect.arrayContaining([names(reproducible), hashes(reproducible), hashes(js)]),
  );
  expect(probed.filter(({ addsUp }) => !addsUp)).toEqual([]);
  expect(js).toMatchObject([{ backend: "js", hash: recordedHashOfJs }]);
  for (const run of reproducible) {
    expect(run.backend).toMatch(wanted.backend);
    expect(run.hash).toBe(run.backend.startsWith("js") ? recordedHashOfJs : recordedHash);
  }
  for (const run of fast) {
    expect(run.backend).toMatch(wanted.fast);
    expect(run.hash).toBe(run.backend.startsWith("wasm fast") ? fast[0].hash : reproducible[0].hash);
  }
  for (const runs of [reproducible, fast]) expect(runs.map(({ threads }) => threads)).toEqual(wanted.threads);
}

/** The columns of a runtime's rows in docs/runtimes.md. */
function documented(runtime: string): string[] {
  const lines = readFileSync(new URL("../../../docs/runtimes.md", import.meta.url), "utf8").split("\n");
  return lines.filter((line) => line.startsWith(`${runtime}  `)).flatMap((line) => line.split(/ {2,}/));
}
