import type { Surface } from "./calls.ts";

/** A value that is wrong nearly everywhere, and what to call it. */
export type Wrong = readonly [name: string, value: unknown];

/** Values of every kind; those of the package's own given where another of them is expected. */
export function wrongValues(on: Surface): readonly Wrong[] {
  const { model, raw, cache, results, summary, tokenizer, stack } = on;
  const decoded = Object.entries(results).map(
    ([kind, result]): Wrong => [`a decoded ${kind}`, JSON.parse(JSON.stringify(result))],
  );
  return [
    ["undefined", undefined],
    ["null", null],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["-1", -1],
    ["0", 0],
    ["1.5", 1.5],
    ["2 ** 32", 2 ** 32],
    ["2 ** 53", 2 ** 53],
    ["true", true],
    ["false", false],
    ["10n", 10n],
    ["a symbol", Symbol("wrong")],
    ["an empty text", ""],
    ["a text", "x"],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
    ["a lone surrogate", "\ud800"],
    ["{}", {}],
    ["an object without a prototype", Object.create(null)],
    ["an object with null in it", { length: null, data: null, shape: null, tokens: null }],
    ["a list-like", { length: 1, 0: 1 }],
    ["[]", []],
    ["[undefined]", [undefined]],
    ["[null]", [null]],
    ["[{}]", [{}]],
    ["[[]]", [[]]],
    ["[[1]]", [[1]]],
    ["a sparse list", new Array(2)],
    ["a list of 2^32 - 1 holes", new Array(2 ** 32 - 1)],
    ["[NaN]", [Number.NaN]],
    ["a list with a symbol", [Symbol("wrong")]],
    ["a mixed list", ["x", 1, [2]]],
    ["a function", () => undefined],
    ["a Promise of a model", Promise.resolve(model)],
    ["a Promise of a result", Promise.resolve(results.attribution)],
    // biome-ignore lint/suspicious/noThenProperty: what other libraries' promises are
    ["a thenable", { then: (settle: (value: unknown) => void) => settle(1) }],
    ["a Map", new Map([["a", 1]])],
    ["a Set", new Set(["a"])],
    ["a Date", new Date(0)],
    ["an invalid Date", new Date(Number.NaN)],
    ["a RegExp", /x/g],
    ["an Error", new Error("wrong")],
    ["a URL", new URL("https://example.org/")],
    ["a generator", (function* () {})()],
    ["an async generator", (async function* () {})()],
    ["Float32Array", new Float32Array(3)],
    ["an empty Float32Array", new Float32Array()],
    ["Float64Array of NaN", new Float64Array(12).fill(Number.NaN)],
    ["Int32Array", Int32Array.of(1, -2)],
    ["BigInt64Array", BigInt64Array.of(1n, 2n ** 60n)],
    ["an ArrayBuffer", new ArrayBuffer(8)],
    ["a DataView", new DataView(new ArrayBuffer(8))],
    ["a Proxy", new Proxy({}, {})],
    ["a Proxy of a function", new Proxy(() => undefined, {})],
    ["a model", model],
    ["a raw model", raw],
    ["a cache", cache],
    ["a tokenizer", tokenizer],
    ["a summary", summary],
    ["a stack", stack],
    ["a tensor of nothing", { shape: [0], data: new Float32Array() }],
    ["a list of results", [results.attribution]],
    ...Object.entries(results),
    ...decoded,
  ];
}

/** Where in arguments a value stands: of an argument, then keys. */
export type Path = readonly [argument: number, ...keys: string[]];

/** The places of arguments: each, and what is in plain objects and at the beginning of lists. */
export function placesOf(args: readonly unknown[], depth = 4): Path[] {
  const within = (value: unknown, path: Path, left: number): Path[] => {
    if (left === 0 || typeof value !== "object" || value === null) return [path];
    if (path.at(-1) === "kernels") return [path]; // the package's own, not taken apart
    const isPlain = Object.getPrototypeOf(value) === Object.prototype;
    if (!isPlain && !Array.isArray(value)) return [path];
    const keys = Array.isArray(value) ? Object.keys(value).slice(0, 1) : Object.keys(value);
    const inner = keys.flatMap((key) =>
      within((value as Record<string, unknown>)[key], [...path, key], left - 1),
    );
    return [path, ...inner];
  };
  return args.flatMap((value, i) => within(value, [i], depth));
}

/** The arguments with another value at a place; nothing that is shared is changed. */
export function replaced(args: readonly unknown[], [argument, ...keys]: Path, value: unknown): unknown[] {
  const put = (inside: unknown, left: readonly string[]): unknown => {
    if (left.length === 0) return value;
    const [key, ...rest] = left;
    const copy = Array.isArray(inside) ? [...inside] : { ...(inside as object) };
    (copy as Record<string, unknown>)[key] = put((inside as Record<string, unknown>)[key], rest);
    return copy;
  };
  return args.map((arg, i) => (i === argument ? put(arg, keys) : arg));
}
