import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import type { Io, Output } from "../../src/cli/io.ts";
import { loadModel } from "../../src/cli/model.ts";
import { modelFolder } from "../support/fixtures.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly stdin?: string | readonly (string | Uint8Array)[] | AsyncIterable<string | Uint8Array>;
  readonly env?: Io["env"];
  readonly stdout?: Partial<Output>;
  readonly stderr?: Partial<Output>;
  readonly load?: Parameters<typeof runCli>[2];
}

/** Models on one thread: the others' script is one of the package's files, and test/package tests it. */
const loadOnOneThread: typeof loadModel = (args, io, tell) =>
  loadModel({ ...args, threads: args.threads ?? 1 }, io, tell);

/** The command, in this process. */
export async function run(argv: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const { stdin = [], env = {}, load = loadOnOneThread } = surroundings;
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr"): Output => ({
    write(text, callback) {
      written[name] += text;
      callback();
    },
    ...surroundings[name],
  });
  const chunks = typeof stdin === "string" ? [new TextEncoder().encode(stdin)] : stdin;
  const io: Io = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    stdin: (async function* () {
      yield* chunks;
    })(),
    env,
  };
  const code = await runCli(argv, io, load);
  return { code, ...written };
}

/** Tokens of the fixture model `base` (dVocab 29, context 16): enough to write single letters, and an escape. */
const vocabulary = [
  ..."<|endoftext|> a b c d e Ġ Ġa Ġb Ġc Ġd Ċ ě [ 3 1 m ab Ġab . Â Ľ x y z A B ĠA ĠB".split(" "),
] as const;
const merges = ["#version: 0.2", "Ġ a", "Ġ b", "Ġ c", "Ġ d", "a b", "Ġ ab", "Ġ A", "Ġ B", ""];

/** A folder with the fixture model `base` and a tokenizer for it; removed after the tests. */
export function modelWithTokenizer(): string {
  const folder = mkdtempSync(join(tmpdir(), "logitscope-cli-"));
  for (const file of readdirSync(modelFolder("base")))
    copyFileSync(join(modelFolder("base"), file), join(folder, file));
  writeFileSync(
    join(folder, "vocab.json"),
    JSON.stringify(Object.fromEntries(vocabulary.map((token, id) => [token, id]))),
  );
  writeFileSync(join(folder, "merges.txt"), merges.join("\n"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}
