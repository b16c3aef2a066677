import { join } from "node:path";
import { gpt2Onnx, weightsFile } from "./onnxModel.ts";
import { peerPackage } from "./package.ts";

interface Tensor {
  data: Float32Array;
}
interface Session {
  run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}
interface Onnxruntime {
  env: { wasm: { numThreads?: number }; logLevel: string; versions: { web: string } };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: new (type: string, data: BigInt64Array | Float32Array, dims: readonly number[]) => Tensor;
}

/**
 * The forward pass of the checkpoint in a folder, on onnxruntime-web.
 *
 * @returns run: ids [pos] to the logits of the last position [dVocab]
 * @throws Error when this process has used another number of threads
 */
export async function onnxForward(
  folder: string,
  { threads }: { threads: number },
): Promise<{ version: string; run(ids: readonly number[]): Promise<Float32Array> }> {
  const ort = onnxruntime(threads);
  const weights = { path: weightsFile, data: join(folder, weightsFile) };
  const session = await ort.InferenceSession.create(gpt2Onnx(folder), {
    ...options,
    externalData: [weights],
  });
  return {
    version: ort.env.versions.web,
    async run(ids) {
      const { logits } = await session.run({
        ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      });
      return logits.data;
    },
  };
}

const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };

/** Its WebAssembly has SIMD always; its threads are made once a process. */
function onnxruntime(threads: number): Onnxruntime {
  const ort = peerPackage<Onnxruntime>("onnxruntime-web");
  const used = ort.env.wasm.numThreads ?? threads;
  if (used !== threads)
    throw new Error(`onnxruntime-web: got ${threads} threads, expected the first call's ${used}.`);
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error"; // not that there are no threads to pin to cores
  return ort;
}
