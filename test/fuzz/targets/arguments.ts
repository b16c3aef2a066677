import { calls, surface } from "../../surface/calls.ts";
import { refusalOf } from "../../surface/outcome.ts";
import { placesOf, replaced, wrongValues } from "../../surface/wrongValues.ts";
import { bytesOf, type Target, textOf } from "../input.ts";
import { expect } from "../outcome.ts";

const on = await surface();
const table = calls(on);
const wrong = wrongValues(on);
const bits = () => on.model.run([1, 2, 16]).data.join();
const before = bits();

/** What is changed of a call's arguments: at which place, to which of the wrong values, or to a value of its own. */
interface Change {
  readonly place?: unknown;
  readonly wrong?: unknown;
  readonly value?: unknown;
}

function asked(text: string): { call: unknown; changes: readonly Change[] } {
  try {
    const { call, changes } = Object(JSON.parse(text));
    return { call, changes: Array.isArray(changes) ? changes.slice(0, 4).map(Object) : [] };
  } catch {
    return { call: text.length, changes: [{ place: 0, value: text }] };
  }
}

/** The item that any value stands for. */
function pick<T>(items: readonly T[], index: unknown): T {
  const number = Number.isSafeInteger(index) ? Math.abs(index as number) : 0;
  return items[number % items.length];
}

export const anyArguments: Target = {
  name: "arguments",
  kinds: ["json"],
  seeds: table.map((_, call) => [bytesOf({ call, changes: [] })]),
  async run([bytes]) {
    const { call, changes } = asked(textOf(bytes));
    const chosen = pick(table, call);
    let args = chosen.args();
    for (const change of changes) {
      const places = placesOf(args);
      if (places.length === 0) break;
      const value = "value" in change ? change.value : pick(wrong, change.wrong)[1];
      args = replaced(args, pick(places, change.place), value);
    }
    const refusal = await refusalOf(() => chosen.call(...(args as never[])));
    expect(bits() === before, "the model has changed");
    if (refusal !== null) throw refusal;
  },
};
