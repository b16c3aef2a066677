/** The types of values that the kernels use, with their codes. @see WebAssembly core specification, §5.3 */
export const valueTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

/** What stands behind an opcode: an unsigned integer, the index of a variable or function, or bytes as they are. */
export type Immediate =
  | number
  | Local<ValueType>
  | Callable
  | { readonly bytes: readonly number[]; readonly text: () => string };

/** Whatever a call names. */
export interface Callable {
  readonly isFunction: true;
}

/** One instruction: its name in the text format, its opcode and immediates. */
export interface Instruction {
  readonly name: string;
  readonly opcode: readonly number[];
  readonly immediates: readonly Immediate[];
}

/**
 * Instructions that leave a value of type T on the stack, or none: what they work on, then the one that works on it.
 * So kernels are written as expressions, `f32x4.add(a, f32x4.mul(b, c))`, and a value of the wrong type does not
 * compile.
 */
export interface Code<T extends ValueType | "none"> {
  readonly type: T;
  readonly parts: readonly Code<ValueType | "none">[];
  readonly last: Instruction | null;
}

export type Value<T extends ValueType> = Code<T>;
export type Statement = Code<"none">;
export type I32 = Value<"i32">;
export type V128 = Value<"v128">;

/** A variable or parameter. As code it reads itself; the function that uses it gives it an index. */
export interface Local<T extends ValueType> extends Code<T> {
  readonly isLocal: true;
}

const none: readonly never[] = [];

export function code<T extends ValueType | "none">(
  type: T,
  name: string,
  opcode: readonly number[],
  operands: readonly Code<ValueType | "none">[] = none,
  immediates: readonly Immediate[] = none,
): Code<T> {
  return { type, parts: operands, last: { name, opcode, immediates } };
}

/** One after the other. */
export function sequence(parts: readonly Code<ValueType | "none">[]): Statement {
  return { type: "none", parts, last: null };
}

/** A new variable, zero at first. */
export function local<T extends ValueType>(type: T): Local<T> {
  const immediates: Immediate[] = [];
  const last = { name: "local.get", opcode: [0x20], immediates };
  const variable: Local<T> = { isLocal: true, type, parts: [], last };
  immediates.push(variable);
  return variable;
}

export function locals<T extends ValueType>(type: T, count: number): Local<T>[] {
  return Array.from({ length: count }, () => local(type));
}

/** Calls `visit` for each instruction in order. */
export function eachInstruction(
  { parts, last }: Code<ValueType | "none">,
  visit: (instruction: Instruction) => void,
): void {
  for (const part of parts) eachInstruction(part, visit);
  if (last) visit(last);
}
