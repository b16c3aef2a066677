import type { Gpt2 } from "../model/index.ts";
import type { Arguments } from "./args.ts";
import { type Io, write } from "./io.ts";

/** The model that `--model` names; the embedded one is loaded only if it is asked for. */
export async function loadModel({ model, rawWeights }: Arguments, io: Io): Promise<Gpt2> {
  const compatibilityMode = !rawWeights;
  if (model === "demo") {
    const { demoModel } = await import("../demo/index.ts");
    return demoModel({ compatibilityMode });
  }
  const { fromPretrained } = await import("../node/index.ts");
  if (io.stderr.isTTY !== true) return fromPretrained(model, { compatibilityMode });
  await write(io.stderr, "loading the model…");
  try {
    return await fromPretrained(model, { compatibilityMode });
  } finally {
    await write(io.stderr, "\r\x1b[2K");
  }
}
