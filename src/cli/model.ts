import type { Gpt2 } from "../model/index.ts";
import type { Arguments } from "./args.ts";
import { type Io, write } from "./io.ts";

/**
 * The model that `--model` names; the embedded one is loaded only if it is asked for.
 *
 * @param tell prints a note: what the loader warns of is told once it is done
 */
export async function loadModel(
  { model, rawWeights }: Arguments,
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<Gpt2> {
  const compatibilityMode = !rawWeights;
  if (model === "demo") {
    const { demoModel } = await import("../demo/index.ts");
    return demoModel({ compatibilityMode });
  }
  const { fromPretrained } = await import("../node/index.ts");
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const isTerminal = io.stderr.isTTY === true;
  if (isTerminal) await write(io.stderr, "loading the model…");
  try {
    return await fromPretrained(model, { compatibilityMode, onWarning });
  } finally {
    if (isTerminal) await write(io.stderr, "\r\x1b[2K");
    for (const warning of warnings) await tell(`note: ${warning}`);
  }
}
