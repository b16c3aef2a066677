import { directLogitAttribution, type Gpt2, jsKernels, type LoadOptions } from "logitscope";
import { demoModel } from "logitscope/demo";
import { recordedNumbers } from "../../support/recordedBits.ts";

/** What a runtime made of the package: a model loaded, its attribution checked, its numbers hashed. */
export interface Probed {
  /** What was asked for: a precision, or plain JavaScript. */
  readonly asked: "reproducible" | "fast" | "js";
  /** As the model reports it, with the reason where another one was wanted. */
  readonly backend: string;
  readonly threads: number;
  /** SHA-256 of the recorded numbers. */
  readonly hash: string;
  /** Whether |sum + bias − logit| is within the bounds at every position. */
  readonly addsUp: boolean;
}

/** What each runtime runs: the demo model in each precision on each number of threads, and in plain JavaScript. */
export async function probe(threads: readonly number[], options: LoadOptions = {}): Promise<Probed[]> {
  const found: Probed[] = [];
  const add = async (asked: Probed["asked"], setting: LoadOptions) => {
    const model = await demoModel({ compatibilityMode: true, onWarning() {}, ...options, ...setting });
    found.push({
      asked,
      backend: model.backend,
      threads: model.kernels.threads,
      hash: await sha256(recordedNumbers(model, directLogitAttribution)),
      addsUp: addsUp(model),
    });
    model.dispose();
  };
  for (const precision of ["reproducible", "fast"] as const) {
    for (const count of threads) await add(precision, { precision, threads: count });
  }
  await add("js", { kernels: jsKernels });
  return found;
}

function addsUp(model: Gpt2): boolean {
  const prompt = "The capital of France is";
  const options = { answer: " Paris", wrong: " Rome", unit: "head", pos: "all" } as const;
  const { attributions } = directLogitAttribution(model, prompt, options);
  return attributions.every(({ scores, check }) => {
    const sum = scores.data.reduce((total, score) => total + score, 0);
    return Math.abs(sum + check.bias - check.logit) <= check.bound + check.roundingBound;
  });
}

async function sha256(arrays: Iterable<Float32Array | Float64Array>): Promise<string> {
  const parts = [...arrays].map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const bytes = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
