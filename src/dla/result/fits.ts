/** A value that does not fit, and the path to it, from outside in. */
export interface Misfit {
  readonly path: string;
  readonly value: unknown;
}

/** Gives the part of a value that does not fit, if there is one. */
export type Fits = (value: unknown) => Misfit | undefined;

export function fits(isOne: (value: unknown) => boolean): Fits {
  return (value) => unless(isOne(value), value);
}

export const text: Fits = (value) => unless(typeof value === "string", value);
export const number: Fits = (value) => unless(typeof value === "number", value);
export const whole: Fits = (value) => unless(Number.isSafeInteger(value) && (value as number) >= 0, value);
export const floats: Fits = (value) => unless(value instanceof Float64Array, value);
export const ranks: Fits = (value) => unless(value instanceof Uint32Array, value);
export const flag: Fits = (value) => unless(typeof value === "boolean", value);

/** A Tensor64, of one axis at the least. */
export const tensor64: Fits = (value) => {
  const { shape, data } = Object(value) as { shape?: unknown; data?: unknown };
  const isShape =
    Array.isArray(shape) && shape.length > 0 && shape.length < 4 && shape.every(Number.isSafeInteger);
  const isOne =
    isShape &&
    data instanceof Float64Array &&
    data.length === shape.reduce((product, size) => product * size, 1);
  return unless(isOne, value);
};

function unless(fits: boolean, value: unknown): Misfit | undefined {
  return fits ? undefined : { path: "", value };
}

export function oneOf(...values: readonly unknown[]): Fits {
  return fits((value) => values.includes(value));
}

/** Undefined, or what fits. */
export function optional(inner: Fits): Fits {
  return (value) => (value === undefined ? undefined : inner(value));
}

/** Null, or what fits. */
export function nullable(inner: Fits): Fits {
  return (value) => (value === null ? undefined : inner(value));
}

/** A list of what fits, of `length` where that is given. */
export function list(inner: Fits, length?: number): Fits {
  return (value) => {
    if (!Array.isArray(value) || (length !== undefined && value.length !== length))
      return { path: "", value };
    for (let i = 0; i < value.length; i++) {
      const misfit = inner(value[i]);
      if (misfit) return { ...misfit, path: `[${i}]${misfit.path}` };
    }
    return undefined;
  };
}

/** An object whose fields fit; what else it has does not matter. */
export function object(fields: Readonly<Record<string, Fits>>): Fits {
  return (value) => {
    if (typeof value !== "object" || value === null) return { path: "", value };
    for (const [key, inner] of Object.entries(fields)) {
      const misfit = inner((value as Readonly<Record<string, unknown>>)[key]);
      if (misfit) return { ...misfit, path: `.${key}${misfit.path}` };
    }
    return undefined;
  };
}

/** An array of numbers of that length, one for each label. */
export function each(inner: Fits, length: number): Fits {
  return (value) => inner(value) ?? unless((value as Float64Array).length === length, value);
}
