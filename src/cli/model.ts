/// <reference types="node" />
import { availableParallelism } from "node:os";
import { type Gpt2, showBytes } from "../model/index.ts";
import { MOST_THREADS } from "../tensor/index.ts";
import type { Arguments } from "./args.ts";
import { type Io, write } from "./io.ts";

/**
 * The model that `--model` names; the embedded one is loaded only if it is asked for.
 *
 * @param tell prints a note: what the loader warns of is told once it is done
 */
export async function loadModel(
  { model, rawWeights, threads, precision }: Arguments,
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<Gpt2> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const options = { compatibilityMode: !rawWeights, precision, onWarning };
  const isTerminal = io.stderr.isTTY === true;
  try {
    const { fromPretrained, spawnThread } = await import("../node/index.ts");
    if (model === "demo") {
      const { demoModel } = await import("../demo/index.ts");
      return await demoModel({ ...options, threads, spawnThread });
    }
    if (isTerminal) await write(io.stderr, "loading the model…");
    return await fromPretrained(model, {
      ...options,
      threads: threads ?? Math.min(availableParallelism(), MOST_THREADS),
      onEstimate({ weights }) {
        if (isTerminal) write(io.stderr, ` its weights take ${showBytes(weights)}`).catch(() => {}); // the next line fails too
      },
    });
  } finally {
    if (isTerminal && model !== "demo") await write(io.stderr, "\r\x1b[2K");
    for (const warning of warnings) await tell(`note: ${warning}`);
  }
}
