/** The nonlinearities against the same formulas with Math.tanh and Math.exp, and the addition, one MLP layer of 64×3072. */
import { jsKernels } from "../../src/tensor/index.ts";
import { numbers } from "../harness.ts";
import { onBackends } from "../onBackends.ts";

type OfOne = (x: number) => number;

const gelu: OfOne = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const plain = {
  geluTanh: gelu,
  geluErf: gelu, // Math has no erf, and the tanh form is within 1e-3 of it (Hendrycks and Gimpel)
  relu: (x) => (x > 0 ? x : 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
} satisfies Record<keyof typeof jsKernels.activations, OfOne>;

const x = numbers(64 * 3072, 6);
const common = { output: x.length, work: { elements: x.length } };

for (const name of Object.keys(jsKernels.activations) as (keyof typeof plain)[]) {
  const formula = plain[name];
  await onBackends(name, {
    ...common,
    inputs: [x],
    run: (kernels) => (out, x) => kernels.activations[name](out, x),
    plain(out, x) {
      for (let i = 0; i < x.length; i++) out[i] = formula(x[i]);
    },
    ...(name === "geluErf" && { tolerance: () => 1e-3 }),
  });
}
await onBackends("add", {
  ...common,
  inputs: [x, numbers(x.length)],
  run: (kernels) => (out, a, b) => kernels.add(out, a, b),
  plain(out, a, b) {
    for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
  },
});
