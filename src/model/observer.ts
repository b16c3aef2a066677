import { describe, expectShape, ValueError } from "../errors.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import {
  type HookFilter,
  type HookFn,
  type HookName,
  hookLayer,
  hookShapes,
  hookTemplate,
  selectHooks,
} from "./hooks.ts";

/** Whoever watches the forward pass. */
export interface Observer {
  /** Called at every hook point; what it returns is what the forward pass goes on with. */
  at(name: HookName, activation: Tensor): Tensor;
  /** Whether anyone looks at this point: some are computed only then. */
  wants(name: HookName): boolean;
  /** Where a point is only kept, not hooked: at which positions, in order; undefined where it is looked at otherwise, or not. */
  keptAt(name: HookName): readonly number[] | undefined;
}

/** A hook and the points it is for. */
export type Hook = readonly [HookFilter, HookFn];

/**
 * The hooks by name, in the order given.
 *
 * @throws ValueError for an unknown name, a predicate that matches nothing, or a hook that is no function
 */
export function hooksByName(
  where: string,
  hooks: readonly Hook[],
  names: readonly HookName[],
): Map<HookName, HookFn[]> {
  const byName = new Map<HookName, HookFn[]>();
  expectPairs(where, hooks);
  for (const [filter, fn] of hooks) {
    if (typeof fn !== "function") {
      throw new ValueError(
        `${where}: got ${describe(fn)} as a hook, expected a function. Give [name, fn] pairs.`,
      );
    }
    if (filter === undefined || filter === null) {
      throw new ValueError(
        `${where}: got ${describe(filter)} as a hook's name, expected which points it is for. Give [name, fn] pairs.`,
      );
    }
    for (const name of selectHooks(where, filter, names)) byName.set(name, [...(byName.get(name) ?? []), fn]);
  }
  return byName;
}

function expectPairs(where: string, hooks: readonly Hook[]): void {
  const given: unknown = hooks;
  const index = Array.isArray(given) ? given.findIndex((hook) => !Array.isArray(hook)) : 0;
  if (index === -1) return;
  const wrong = Array.isArray(given) ? given[index] : given;
  throw new ValueError(`${where}: got ${describe(wrong)}, expected hooks. Give a list of [name, fn] pairs.`);
}

/**
 * An observer that calls the hooks of a point, each with a copy of its own, and then hands the activation to
 * `capture`, which keeps some positions. An activation that no hook changed by a bit is passed on as the very object it was.
 */
export function observe(
  hooks: ReadonlyMap<HookName, readonly HookFn[]>,
  captured: ReadonlySet<HookName>,
  capture: (name: HookName, activation: Tensor) => void,
  keptAt: (name: HookName) => readonly number[] | undefined,
): Observer {
  return {
    wants: (name) => hooks.has(name) || captured.has(name),
    keptAt: (name) => (captured.has(name) && !hooks.has(name) ? keptAt(name) : undefined),
    at(name, activation) {
      const result = (hooks.get(name) ?? []).reduce(
        (before, hook) => applyHook(hook, name, before),
        activation,
      );
      if (captured.has(name)) capture(name, result);
      return result;
    },
  };
}

function applyHook(hook: HookFn, name: HookName, before: Tensor): Tensor {
  const copy = tensor(before.shape, before.data.slice());
  const after = hook(copy, { name, layer: hookLayer(name) }) ?? copy;
  expectActivation(name, after, before.shape);
  // a copy once more: the hook may have kept what it returned, or its own copy, and write to it later
  return sameBits(after.data, before.data) ? before : tensor(before.shape, after.data.slice());
}

function expectActivation(name: HookName, after: Tensor, shape: readonly number[]): void {
  const where = `hook on ${name}`;
  if (!(after?.data instanceof Float32Array) || !Array.isArray(after.shape)) {
    const isPromise = typeof (after as { then?: unknown } | null)?.then === "function";
    throw new ValueError(
      `${where}: got ${isPromise ? "a Promise (hooks run synchronously)" : describe(after)}, expected a Tensor or nothing. Return { shape, data: Float32Array }.`,
    );
  }
  const dims = Object.fromEntries(hookShapes[hookTemplate(name)].map((dim, axis) => [dim, shape[axis]]));
  expectShape(where, after.shape, dims, "Return a tensor of the activation's own shape.");
  tensor(after.shape, after.data);
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const x = new Int32Array(a.buffer, a.byteOffset, a.length);
  const y = new Int32Array(b.buffer, b.byteOffset, b.length);
  return x.every((bits, i) => bits === y[i]);
}
