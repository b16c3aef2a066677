import { addRows, allFinite, widen } from "../js/convert.ts";
import type { MatrixKernels } from "../kernels.ts";
import type { Backend } from "./backend.ts";
import { temporarily } from "./pieces.ts";

/** What is done to numbers as they come from a file: in a memory of the backend by its kernels, elsewhere by js's. */
export function conversions(backend: Backend): Pick<MatrixKernels, "widen" | "allFinite" | "addRows"> {
  return {
    widen(out, halves, format) {
      const memory = backend.holderOf(out);
      if (memory === null || !memory.holds(halves) || out.length % 4 !== 0) return widen(out, halves, format);
      const fours = out.length / 4;
      const per = Math.ceil(fours / backend.crew.threads);
      const kernel = format === "F16" ? "widenFloat16" : "widenBfloat16";
      backend.run(memory, kernel, Math.ceil(fours / per), [out.byteOffset, halves.byteOffset, fours, per]);
    },
    allFinite(x) {
      const memory = backend.holderOf(x);
      if (memory === null) return allFinite(x);
      return temporarily(memory, (take) => {
        const found = take(16);
        memory.exports.findNonFinite(found, x.byteOffset, x.length);
        return memory.integers.subarray(found / 4, found / 4 + 4).every((lane) => lane === 0);
      });
    },
    addRows(sums, x) {
      const memory = backend.holderOf(x);
      if (memory === null) return addRows(sums, x);
      temporarily(memory, (take) => {
        const at = take(sums.byteLength);
        memory.doubles.set(sums, at / 8);
        memory.exports.addRows(at, x.byteOffset, x.length / sums.length, sums.length);
        sums.set(memory.doubles.subarray(at / 8, at / 8 + sums.length));
      });
    },
  };
}
