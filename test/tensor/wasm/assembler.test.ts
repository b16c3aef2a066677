import fc from "fast-check";
import { describe, expect, test } from "vitest";
import initialize from "wabt";
import {
  assemble,
  bulk,
  call,
  defineFunction,
  drop,
  f32,
  f32x4,
  f64,
  f64x2,
  i8x16,
  i32,
  i32s,
  i32x4,
  listing,
  local,
  select,
  set,
  tee,
  times,
  v128,
  type WasmFunction,
  when,
} from "../../../src/tensor/wasm/assembler/index.ts";
import { signed, unsigned } from "../../../src/tensor/wasm/assembler/leb128.ts";
import { kernelsListing, kernelsModule, type Precision } from "../../../src/tensor/wasm/code/index.ts";
import { compileKernels } from "../../../src/tensor/wasm/compile.ts";

const precisions: readonly Precision[] = ["reproducible", "fast"];

/** The oracle: the WebAssembly Binary Toolkit, which shares nothing with src. */
const wabt = await initialize();
const features = {
  simd: true,
  relaxed_simd: true,
  bulk_memory: true,
  sat_float_to_int: true,
  threads: true,
};

/** Its types leave out that it takes the features again. */
function validate(module: { validate(): void }): void {
  (module as { validate(allowed: typeof features): void }).validate(features);
}

/** The bytes that wabt makes of a listing, once it has found it valid. */
function assembledByWabt(text: string): Uint8Array {
  const module = wabt.parseWat("kernels.wat", text, features);
  validate(module);
  return module.toBinary({}).buffer;
}

/**
 * What wabt reads in a binary: its functions, their locals and code, imports and exports. Types of functions, which
 * may be numbered in any way, are shown in each function instead.
 */
function shownByWabt(bytes: Uint8Array): string {
  const module = wabt.readWasm(bytes, { ...features, readDebugNames: false });
  validate(module);
  return module
    .toText({})
    .replace(/^ {2}\(type .*\n/gm, "")
    .replace(/ \(type \d+\)/g, "");
}

describe.each(precisions)("the kernels, %s", (precision) => {
  const ours = kernelsModule(precision, false);

  test("as listed and as assembled are the same module to wabt, and valid", () => {
    const shown = shownByWabt(ours);
    expect(shown).toBe(shownByWabt(assembledByWabt(kernelsListing(precision))));
    expect(shown.match(/^ {2}\(func /gm)?.length).toBeGreaterThan(30);
  });

  test("for memory that threads share they differ in the import alone", () => {
    const shared = shownByWabt(kernelsModule(precision, true));
    expect(shared).toContain("(memory (;0;) 0 65536 shared)");
    expect(shared.replace("(memory (;0;) 0 65536 shared)", "(memory (;0;) 0)")).toBe(shownByWabt(ours));
  });

  test("fma is relaxed or nowhere: nothing else differs between engines", () => {
    const relaxed = kernelsListing(precision).match(/relaxed_\w+/g) ?? [];
    expect(new Set(relaxed)).toEqual(new Set(precision === "fast" ? ["relaxed_madd"] : []));
  });

  test("take a memory, and give functions that return nothing", () => {
    const module = compileKernels(precision, false);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    const instance = new WebAssembly.Instance(module, {
      env: { memory: new WebAssembly.Memory({ initial: 1 }) },
    });
    expect(Object.keys(instance.exports)).toEqual(
      [...kernelsListing(precision).matchAll(/\(func \$(\w+)/g)].map(([, name]) => name),
    );
    expect(new Set(Object.keys(instance.exports)).size).toBe(Object.keys(instance.exports).length);
  });
});

/** A function that has every instruction of the assembler in it, and constants of every kind. */
function everything(): WasmFunction {
  return defineFunction("everything", { a: "i32", x: "f64", v: "v128" }, ({ a, x, v }) => {
    const w = local("v128");
    const y = local("f32");
    const ofTwo = <T>(of: Record<string, (p: T, q: T) => unknown>, names: readonly string[], p: T, q: T) =>
      names.map((name) => drop(of[name](p, q) as typeof v));
    const ofOne = <T>(of: Record<string, (p: T) => unknown>, names: readonly string[], p: T) =>
      names.map((name) => drop(of[name](p) as typeof v));
    const names = (object: object, except: readonly string[]) =>
      Object.keys(object).filter((name) => !except.includes(name));
    const integers = [
      0,
      1,
      -1,
      63,
      64,
      -64,
      -65,
      8191,
      8192,
      -8192,
      -8193,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 32 - 1,
    ];
    const floats = [0, -0, 1, -1.5, 1 / 3, 1e-45, 2 ** -126, 3.4028234663852886e38, Infinity, -Infinity];
    return [
      ...ofTwo(i32 as never, names(i32, ["const", "eqz", "load"]), a, a),
      ...ofTwo(f64 as never, ["add", "sub", "mul", "div"], x, x),
      ...ofOne(f64 as never, ["sqrt"], x),
      ...ofTwo(v128 as never, ["and", "andnot", "or"], v, v),
      ...names(v128, ["and", "andnot", "or", "bitselect"])
        .filter((name) => name.startsWith("load"))
        .flatMap((name) =>
          [0, 16, 127, 128, 65_536].map((at) =>
            drop((v128 as never as Record<string, typeof v128.load>)[name](a, at)),
          ),
        ),
      ...[v128.store, v128.store32_lane].flatMap((store) => [store(a, v), store(a, v, 300)]),
      drop(v128.bitselect(v, v, w)),
      ...ofTwo(f32x4 as never, ["eq", "lt", "add", "sub", "mul", "div", "min", "max"], v, v),
      ...ofOne(f32x4 as never, ["demote_f64x2_zero", "nearest", "abs", "neg"], v),
      drop(f32x4.relaxed_madd(v, v, w)),
      drop(f32x4.splat(y)),
      ...ofTwo(f64x2 as never, ["add", "sub", "mul"], v, v),
      ...ofOne(f64x2 as never, ["promote_low_f32x4"], v),
      drop(f64x2.splat(x)),
      drop(f64.add(f64x2.extract_lane(v, 0), f64x2.extract_lane(v, 1))),
      ...ofTwo(i32x4 as never, ["eq", "gt_s", "add"], v, v),
      ...ofOne(i32x4 as never, ["trunc_sat_f32x4_s"], v),
      drop(i32x4.shl(v, a)),
      drop(i8x16.shuffle(v, w, [0, 31, 1, 30, 2, 29, 3, 28, 4, 27, 5, 26, 6, 25, 7, 24])),
      drop(i32.eqz(i32.load(a, 4))),
      drop(f64.load(a)),
      f64.store(a, f64.add(f64.promote_f32(f32.load(a, 8)), f64.convert_i32_u(a))),
      f32.store(a, tee(y, f32.demote_f64(select(a, x, x))), 12),
      bulk.copy(a, a, a),
      ...integers.map((value) => drop(i32.const(value))),
      ...integers.map((value) => drop(i32x4.const(value))),
      ...[...floats, Number.NaN].map((value) => drop(f32x4.const(value))),
      when(a, [times(a, set(w, v))], [when(a, [set(w, v)])]),
    ];
  });
}

test("every instruction, and constants of every kind, are what wabt makes of their names", () => {
  const module = [everything()];
  const text = listing(module, false);
  expect(shownByWabt(assemble(module, false))).toBe(shownByWabt(assembledByWabt(text)));

  // and these are all that there are
  const namesIn = (prefix: string, object: object) =>
    Object.keys(object).map((name) => (prefix === "memory" ? `memory.${name}` : `${prefix}.${name}`));
  const all = [
    ...namesIn("i32", i32),
    ...namesIn("f32", f32),
    ...namesIn("f64", f64),
    ...namesIn("v128", v128),
    ...namesIn("i8x16", i8x16),
    ...namesIn("i32x4", i32x4),
    ...namesIn("f32x4", f32x4),
    ...namesIn("f64x2", f64x2),
    ...namesIn("memory", bulk),
  ].filter((name) => !/^(i32x4|f32x4)\.const$/.test(name)); // these are v128.const
  const used = new Set(text.match(/\b(i32|f32|f64|v128|i8x16|i32x4|f32x4|f64x2|memory)\.\w+/g));
  expect(all.filter((name) => !used.has(name))).toEqual([]);
});

describe("LEB128", () => {
  /** The bytes that wabt puts behind the opcode at the beginning of a function's body; `drop` follows. */
  function bytesByWabt(instruction: string, before: readonly number[]): number[] {
    const module = `(module (import "env" "memory" (memory 0)) (func (param i32) ${instruction} drop))`;
    const bytes = [...assembledByWabt(module)];
    // the code section, which is the last: id, size, one function, its size, no locals
    const section = bytes.findIndex((id, i) => id === 10 && bytes[i + 1] === bytes.length - i - 2);
    const body = bytes.slice(section + 5);
    expect(body.slice(0, before.length)).toEqual(before);
    expect(body.slice(-2)).toEqual([0x1a, 0x0b]);
    return body.slice(before.length, -2);
  }
  const edges = [0, 1, 63, 64, 65, 127, 128, 129, 255, 8191, 8192, 16_383, 16_384, 2 ** 20, 2 ** 21 - 1, 2 ** 21, 2 ** 27, 2 ** 28 - 1, 2 ** 28, 2 ** 31 - 1]; // biome-ignore format: a list

  test.each(edges.flatMap((value) => [value, -value, -value - 1]))("signed %d as wabt has it", (value) => {
    expect(signed(value)).toEqual(bytesByWabt(`i32.const ${value}`, [0x41]));
  });

  test.each([...edges, 2 ** 31, 2 ** 32 - 1])("unsigned %d as wabt has it", (value) => {
    // i32.load offset=… align=4
    expect(unsigned(value)).toEqual(bytesByWabt(`local.get 0 i32.load offset=${value}`, [0x20, 0, 0x28, 2]));
  });

  test("both are read back by the rule of the specification, and as short as can be", () => {
    const read = (bytes: readonly number[]) =>
      bytes.reduce((sum, byte, i) => sum + BigInt(byte & 127) * 2n ** BigInt(7 * i), 0n);
    const continued = (bytes: readonly number[]) =>
      bytes.every((byte, i) => byte >= 0 && byte < 256 && byte >> 7 === (i < bytes.length - 1 ? 1 : 0));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        const bytes = unsigned(value);
        expect(read(bytes)).toBe(BigInt(value));
        expect(
          continued(bytes) && bytes.length === Math.max(1, Math.ceil(value.toString(2).length / 7)),
        ).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
        const bytes = signed(value);
        expect(BigInt.asIntN(7 * bytes.length, read(bytes))).toBe(BigInt(value));
        expect(continued(bytes)).toBe(true);
        expect(
          BigInt.asIntN(7 * (bytes.length - 1), BigInt(value)) === BigInt(value) &&
            value !== 0 &&
            value !== -1,
        ).toBe(false);
      }),
    );
  });
});

describe("a module that is wrong", () => {
  const callee = defineFunction("callee", i32s("n"), () => []);
  const caller = defineFunction("caller", i32s("n"), ({ n }) => [call(callee, { n })]);

  test("calls what is in it, whichever comes first", () => {
    for (const functions of [
      [callee, caller],
      [caller, callee],
    ]) {
      const module = assemble(functions, false);
      expect(WebAssembly.validate(module)).toBe(true);
      expect(shownByWabt(module)).toContain(`call ${functions.indexOf(callee)}`);
    }
  });

  test("fails where a function is called that is not in it", () => {
    expect(() => new WebAssembly.Module(assemble([caller], false))).toThrow();
    expect(() => assembledByWabt(listing([caller], false))).toThrow();
  });

  test("fails where a select is of vectors", () => {
    const v = local("v128");
    expect(() => select(i32.const(1), v, v)).toThrow("select: v128 has bitselect");
  });
});
