export {
  type Code,
  type I32,
  type Local,
  local,
  locals,
  type Statement,
  type V128,
  type Value,
} from "./code.ts";
export { advance, doWhile, drop, select, set, smaller, tee, times, when, whileAny } from "./control.ts";
export { bulk, f32, f32x4, f64, f64x2, i8x16, i32, i32x4, v128 } from "./instructions.ts";
export { assemble, call, defineFunction, type I32s, i32s, listing, type WasmFunction } from "./module.ts";
