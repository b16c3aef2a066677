import { type Gpt2, showBytes } from "../model/index.ts";
import type { Arguments } from "./args.ts";
import type { Io } from "./io.ts";
import { progressLine } from "./progress.ts";
import { defaultThreads } from "./threads.ts";

/**
 * The model that `--model` names; the embedded one is loaded only if it is asked for.
 *
 * @param tell prints a note: what the loader warns of is told once it is done
 */
export async function loadModel(
  { model, revision, offline, rawWeights, keepValueBiases, threads, precision }: Arguments,
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<Gpt2> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const foldValueBiases = keepValueBiases ? false : undefined;
  const options = { compatibilityMode: !rawWeights, foldValueBiases, precision, onWarning };
  const line = progressLine(io.stderr);
  try {
    const { fromPretrained, spawnThread } = await import("../node/index.ts");
    if (model === "demo") {
      const { demoModel } = await import("../demo/index.ts");
      return await demoModel({ ...options, threads, spawnThread });
    }
    const loading = "loading the model…";
    line.show(loading);
    return await fromPretrained(model, {
      ...options,
      revision,
      offline: offline || undefined,
      threads: threads ?? defaultThreads(),
      onDownload: line.download,
      onEstimate({ weights }) {
        line.show(loading);
        line.show(`${loading} its weights take ${showBytes(weights)}`);
      },
    });
  } finally {
    if (model !== "demo") await line.end();
    for (const warning of warnings) await tell(`note: ${warning}`);
  }
}
