import {
  f32x4,
  i32,
  i32x4,
  type Local,
  local,
  type Statement,
  set,
  tee,
  type V128,
} from "../assembler/index.ts";
import type { MultiplyAdd } from "./panels.ts";

/** ln 2 in two parts: the first has nine bits, so its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;

/**
 * eˣ in each lane; relative error < 1.2e-7 (test/tensor/wasm). 0 below −87.7, where float32 has subnormals only;
 * ∞ above 88.3; NaN for NaN.
 *
 *   x = n ln 2 + r,  |r| ≤ ½ ln 2      eˣ = 2ⁿ (1 + r + r² P(r))
 *
 * @see Cody and Waite, Software Manual for the Elementary Functions, 1980, ch. 6; P: Moshier's Cephes, expf.c
 */
export function exp(out: Local<"v128">, x: V128, multiplyAdd: MultiplyAdd): Statement[] {
  const [r, n] = [local("v128"), local("v128")];
  // at −88 the exponent below is −127, whose bits are 0; at 89 it is 128, whose bits are those of ∞
  const clamped = f32x4.min(f32x4.max(x, f32x4.const(-88)), f32x4.const(89));
  const P = [
    1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  ];
  return [
    set(n, f32x4.nearest(f32x4.mul(tee(r, clamped), f32x4.const(Math.LOG2E)))),
    set(r, f32x4.sub(r, f32x4.mul(n, f32x4.const(LN2_HIGH)))),
    set(r, f32x4.sub(r, f32x4.mul(n, f32x4.const(LN2_LOW)))),
    set(out, polynomial(r, P, multiplyAdd)),
    set(out, f32x4.add(f32x4.add(f32x4.mul(out, f32x4.mul(r, r)), r), f32x4.const(1))),
    set(out, f32x4.mul(out, powerOfTwo(n))),
  ];
}

/** c₀ xᵐ + … + cₘ, by Horner's rule. */
export function polynomial(x: V128, coefficients: readonly number[], multiplyAdd: MultiplyAdd): V128 {
  const [first, ...rest] = coefficients.map((value) => f32x4.const(value));
  return rest.reduce((sum, coefficient) => multiplyAdd(sum, x, coefficient), first);
}

/** 2ⁿ for whole n from −127 (0) to 128 (∞): n in the exponent's bits. */
function powerOfTwo(n: V128): V128 {
  const biased = i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.const(127));
  return i32x4.shl(biased, i32.const(23));
}
