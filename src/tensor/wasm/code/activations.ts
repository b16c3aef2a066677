import {
  f32x4,
  i32x4,
  type Local,
  local,
  type Statement,
  set,
  type V128,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { mapped } from "./elementwise.ts";
import { exp, polynomial } from "./math.ts";
import type { MultiplyAdd } from "./panels.ts";

/** √(2/π) */
const SQRT_2_OVER_PI = 0.7978845608028654;
const signBit: V128 = i32x4.const(-0x80000000);

/** The nonlinearities of kernels.ts, by their names there; formulas as in ../../js/activations.ts. */
export function activationFunctions(multiplyAdd: MultiplyAdd): WasmFunction[] {
  return [
    mapped("geluTanh", (out, x) => {
      const inner = f32x4.add(f32x4.mul(f32x4.mul(x, x), f32x4.const(0.044715)), f32x4.const(1));
      const u = f32x4.mul(f32x4.mul(x, inner), f32x4.const(-2 * SQRT_2_OVER_PI));
      return [...exp(out, u, multiplyAdd), set(out, f32x4.div(x, f32x4.add(out, f32x4.const(1))))];
    }),
    mapped("geluErf", (out, x) => geluErf(out, x, multiplyAdd)),
    mapped("relu", (out, x) => [set(out, f32x4.max(x, f32x4.const(0)))]),
    mapped("silu", (out, x) => [
      ...exp(out, f32x4.neg(x), multiplyAdd),
      set(out, f32x4.div(x, f32x4.add(out, f32x4.const(1)))),
    ]),
    mapped("tanh", (out, x) => tanh(out, x, multiplyAdd)),
  ];
}

/**
 * x Φ(x), from the tail of the normal distribution on the other side of 0:
 *
 *   Φ(−a) = e^(−a²/2) P(u) / (1 + a),   u = 1.625 − 13.125/(a + 5)
 *
 * P as in `normalTail` of ../../js/math.ts, to degree 10; what it omits is below 3·10⁻⁹ of it.
 */
function geluErf(out: Local<"v128">, x: V128, multiplyAdd: MultiplyAdd): Statement[] {
  const [a, u] = [local("v128"), local("v128")];
  const P = [
    1.362949478e-5, -4.555367214e-5, -1.252881467e-4, 1.397422519e-3, -5.590432407e-3, 1.417414612e-2,
    -2.424959556e-2, 2.386369253e-2, 6.240013387e-3, -7.826998753e-2, 0.4848313943,
  ];
  const tail = f32x4.div(f32x4.mul(out, polynomial(u, P, multiplyAdd)), f32x4.add(a, f32x4.const(1)));
  return [
    set(a, f32x4.abs(x)),
    set(u, f32x4.sub(f32x4.const(1.625), f32x4.div(f32x4.const(13.125), f32x4.add(a, f32x4.const(5))))),
    ...exp(out, f32x4.mul(f32x4.mul(a, a), f32x4.const(-0.5)), multiplyAdd),
    set(out, tail),
    set(out, f32x4.mul(x, v128.bitselect(out, f32x4.sub(f32x4.const(1), out), f32x4.lt(x, f32x4.const(0))))),
  ];
}

/**
 * tanh x: near 0 by its odd series, where e^2a − 1 would cancel; elsewhere 1 − 2/(e^2a + 1) with the sign of x.
 *
 * @see Moshier's Cephes, tanhf.c, for the polynomial on [0, 0.625]
 */
function tanh(out: Local<"v128">, x: V128, multiplyAdd: MultiplyAdd): Statement[] {
  const [a, z] = [local("v128"), local("v128")];
  const P = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];
  const near = f32x4.add(f32x4.mul(f32x4.mul(polynomial(z, P, multiplyAdd), z), a), a);
  const far = f32x4.sub(f32x4.const(1), f32x4.div(f32x4.const(2), f32x4.add(out, f32x4.const(1))));
  return [
    set(a, f32x4.abs(x)),
    set(z, f32x4.mul(a, a)),
    ...exp(out, f32x4.add(a, a), multiplyAdd),
    set(out, v128.bitselect(near, far, f32x4.lt(a, f32x4.const(0.625)))),
    set(out, v128.or(out, v128.and(x, signBit))),
  ];
}
