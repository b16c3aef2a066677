import {
  type Callable,
  code,
  eachInstruction,
  type Instruction,
  type Local,
  local,
  type Statement,
  sequence,
  type Value,
  type ValueType,
  valueTypes,
} from "./code.ts";
import { pushUnsigned, unsigned } from "./leb128.ts";

type Parameters = Readonly<Record<string, ValueType>>;
type Variables<P extends Parameters> = { readonly [Name in keyof P]: Local<P[Name]> };
type Arguments<P extends Parameters> = { readonly [Name in keyof P]: Value<P[Name]> };
type Body = readonly (Statement | readonly Statement[])[];

/** Parameters of type i32 by these names: pointers, distances in bytes and counts. */
export type I32s<Names extends readonly string[]> = Readonly<Record<Names[number], "i32">>;

export function i32s<const Names extends readonly string[]>(...names: Names): I32s<Names> {
  return Object.fromEntries(names.map((name) => [name, "i32"])) as I32s<Names>;
}

/** A function with named parameters, which returns nothing: results go to memory. */
export interface WasmFunction<P extends Parameters = Parameters> extends Callable {
  readonly name: string;
  readonly parameters: P;
  readonly parameterVariables: readonly Local<ValueType>[];
  readonly body: Statement;
}

/** A function whose body is made of its parameters. */
export function defineFunction<P extends Parameters>(
  name: string,
  parameters: P,
  body: (parameters: Variables<P>) => Body,
): WasmFunction<P> {
  const variables = Object.fromEntries(
    Object.entries(parameters).map(([parameter, type]) => [parameter, local(type)]),
  ) as Variables<P>;
  const parameterVariables = Object.values<Local<ValueType>>(variables);
  return { isFunction: true, name, parameters, parameterVariables, body: sequence(body(variables).flat()) };
}

export function call<P extends Parameters>(callee: WasmFunction<P>, args: Arguments<P>): Statement {
  const inOrder = Object.keys(callee.parameters).map((name) => args[name]);
  return code("none", "call", [0x10], inOrder, [callee]);
}

/**
 * A module of these functions, each exported by its name, on a memory imported as "env" "memory".
 *
 * @param shared whether that memory is one that threads share
 * @see WebAssembly core specification, §5.5
 */
export function assemble(functions: readonly WasmFunction[], shared: boolean): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => {
    const codes = Object.values(parameters).map((type) => valueTypes[type]);
    return [0x60, ...list(codes.map((code) => [code])), 0];
  });
  // a shared memory must say how large it may get; 65,536 pages, all that 32 bits address, admit any
  const limits = shared ? [3, 0, ...unsigned(65_536)] : [0, 0];
  const memory = [...text("env"), ...text("memory"), 2, ...limits];
  const exports = functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]);
  const typeIndices = functions.map((_, index) => unsigned(index));
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const [id, items] of [
    [1, types],
    [2, [memory]],
    [3, typeIndices],
    [7, exports],
    [10, functions.map((definition) => sized(functionBody(definition, functions)))],
  ] as const) {
    bytes.push(id);
    append(bytes, sized(list(items)));
  }
  return new Uint8Array(bytes);
}

function functionBody(definition: WasmFunction, functions: readonly WasmFunction[]): number[] {
  const { indexOf, variables } = numbering(definition, functions);
  const instructions: number[] = [];
  eachInstruction(definition.body, (instruction) => encode(instructions, instruction, indexOf));
  const bytes = list(variables().map(({ type }) => [1, valueTypes[type]]));
  append(bytes, instructions);
  bytes.push(0x0b);
  return bytes;
}

/** The number of a variable in its function, or of a function in its module. */
type IndexOf = (named: Local<ValueType> | Callable) => number;

/** Numbers the function's variables as they come, its parameters first; `variables` are the others. */
function numbering(
  { parameterVariables }: WasmFunction,
  functions: readonly WasmFunction[],
): { indexOf: IndexOf; variables: () => Local<ValueType>[] } {
  const numbers = new Map(parameterVariables.map((variable, index) => [variable, index]));
  return {
    indexOf(named) {
      if ("isFunction" in named) return functions.indexOf(named as WasmFunction);
      const index = numbers.get(named) ?? numbers.size;
      if (index === numbers.size) numbers.set(named, index);
      return index;
    },
    variables: () => [...numbers.keys()].slice(parameterVariables.length),
  };
}

function encode(bytes: number[], { opcode, immediates }: Instruction, indexOf: IndexOf): void {
  append(bytes, opcode);
  for (const immediate of immediates) {
    if (typeof immediate === "number") pushUnsigned(bytes, immediate);
    else if ("bytes" in immediate) append(bytes, immediate.bytes);
    else pushUnsigned(bytes, indexOf(immediate));
  }
}

/** The same module in the text format, for reading and for other assemblers. */
export function listing(functions: readonly WasmFunction[], shared: boolean): string {
  const lines = ["(module", `  (import "env" "memory" (memory 0${shared ? " 65536 shared" : ""}))`];
  for (const definition of functions) {
    const { name, parameters, body } = definition;
    const { indexOf, variables } = numbering(definition, functions);
    const code: string[] = [];
    let depth = 2;
    eachInstruction(body, (instruction) => {
      if (instruction.name === "end" || instruction.name === "else") depth--;
      code.push("  ".repeat(depth) + show(instruction, indexOf));
      if (["block", "loop", "if", "else"].includes(instruction.name)) depth++;
    });
    const shown = Object.entries(parameters).map(([parameter, type]) => `(param $${parameter} ${type})`);
    lines.push(`  (func $${name} (export "${name}") ${shown.join(" ")}`);
    const own = variables().map(({ type }) => type);
    if (own.length > 0) lines.push(`    (local ${own.join(" ")})`);
    lines.push(...code, "  )");
  }
  return [...lines, ")", ""].join("\n");
}

function show({ name, immediates }: Instruction, indexOf: IndexOf): string {
  const shown = immediates.map((immediate) => {
    if (typeof immediate === "number") return `${immediate}`;
    return "bytes" in immediate ? immediate.text() : `${indexOf(immediate)}`;
  });
  return [name, ...shown.filter((text) => text !== "")].join(" ");
}

function list(items: readonly (readonly number[])[]): number[] {
  const bytes = unsigned(items.length);
  for (const item of items) append(bytes, item);
  return bytes;
}

function sized(bytes: readonly number[]): number[] {
  const whole = unsigned(bytes.length);
  append(whole, bytes);
  return whole;
}

function append(bytes: number[], more: readonly number[]): void {
  for (const byte of more) bytes.push(byte);
}

/** Encodes ASCII, as the kernels' names are. */
function text(value: string): number[] {
  return sized(Array.from(value, (character) => character.charCodeAt(0)));
}
