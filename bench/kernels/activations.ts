/** The nonlinearities against the same formulas with Math.tanh and Math.exp, one MLP layer of 64×3072. */
import { jsKernels } from "../../src/tensor/js/index.ts";
import { check, compare, numbers } from "../harness.ts";

const x = numbers(64 * 3072, 6);
const out = new Float32Array(x.length);
const want = new Float32Array(x.length);

const naive: Readonly<Record<string, () => void>> = {
  geluTanh: () => {
    const c = Math.sqrt(2 / Math.PI);
    for (let i = 0; i < x.length; i++) {
      want[i] = 0.5 * x[i] * (1 + Math.tanh(c * (x[i] + 0.044715 * x[i] ** 3)));
    }
  },
  relu: () => {
    for (let i = 0; i < x.length; i++) want[i] = x[i] > 0 ? x[i] : 0;
  },
  silu: () => {
    for (let i = 0; i < x.length; i++) want[i] = x[i] / (1 + Math.exp(-x[i]));
  },
  tanh: () => {
    for (let i = 0; i < x.length; i++) want[i] = Math.tanh(x[i]);
  },
};

for (const [name, kernel] of Object.entries(jsKernels.activations)) {
  const js = () => kernel(out, x);
  js();
  const plain = naive[name];
  if (plain === undefined) {
    // geluErf: Math has no erf, and the tanh form is within 1e-3 of it (Hendrycks and Gimpel)
    naive.geluTanh();
    check(name, out, want, 1e-3);
    compare(name, { elements: x.length }, { js });
  } else {
    plain();
    check(name, out, want, 2 ** -23);
    compare(name, { elements: x.length }, { js, plain });
  }
}
