import { describe, expectFlags, expectObject, tagOf, ValueError } from "../errors.ts";
import { jsKernels, type Kernels } from "../tensor/index.ts";

/** Options of which each is called. */
const callbacks = ["onEstimate", "onProgress", "onWarning", "spawnThread"] as const;

/** @throws ValueError for an option of another kind, which would show later, as something else, or never */
export function expectModelOptions(where: string, options: object): void {
  expectObject(where, options, "options", "Give an object of them.");
  const of = options as Readonly<Record<string, unknown>>;
  const { compatibilityMode, name, kernels, availableMemory, signal, tokenizer } = of;
  expectFlags(where, { compatibilityMode });
  expectOne(where, "name", name, typeof name === "string", "a text");
  for (const callback of callbacks) {
    expectOne(where, callback, of[callback], typeof of[callback] === "function", "a function");
  }
  const isSize = typeof availableMemory === "number" && availableMemory >= 0;
  expectOne(where, "availableMemory", availableMemory, isSize, "how many bytes there are");
  expectOne(where, "signal", signal, tagOf(signal) === "AbortSignal", "an AbortSignal");
  expectOne(where, "kernels", kernels, isKernels(kernels), "a backend, as jsKernels");
  const { encode, decode } = Object(tokenizer) as Readonly<Record<string, unknown>>;
  const isTokenizer = typeof encode === "function" && typeof decode === "function";
  expectOne(where, "tokenizer", tokenizer, isTokenizer, "a tokenizer, as createTokenizer's");
}

function isKernels(value: unknown): value is Kernels {
  const given = Object(value) as Readonly<Record<string, unknown>>;
  return Object.entries(jsKernels).every(
    ([key, own]) => typeof own !== "function" || typeof given[key] === "function",
  );
}

function expectOne(where: string, name: string, value: unknown, isOne: boolean, what: string): void {
  if (value === undefined || isOne) return;
  throw new ValueError(
    `${where}: got ${name} ${describe(value)}, expected ${what}. Leave it out for its default.`,
  );
}
