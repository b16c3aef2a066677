import type { Reading } from "./answers/readings.ts";
import type { Attributable } from "./attributable.ts";
import { checkSum, expectCheck } from "./check/check.ts";
import type { Attribution } from "./result/result.ts";
import { isCumulative, type Rows, rowHooks, type Unit } from "./rows/rows.ts";
import type { Site } from "./site.ts";

/**
 * The rows at one site, divided by the scale, and their check.
 *
 * @param rows not to be used afterwards: they are divided in their place, since those of paths are many
 */
export function attributeSite(
  where: string,
  model: Attributable,
  unit: Unit,
  reading: Reading,
  rows: Rows,
  site: Site,
  left?: Float64Array,
): Pick<Attribution, "scores" | "leaveOneOut" | "check"> {
  const { finalNorm, accuracy } = model;
  const [scale] = site.read(finalNorm.scaleHook);
  const betaIsRow = addsBeta(model, unit);
  const { within = [] } = rows;
  const perLabel = within.reduce((product, size) => product * size, 1);
  const data = betaIsRow ? withRoom(rows.scores, perLabel) : rows.scores;
  for (let i = 0; i < data.length; i++) data[i] /= scale;
  if (betaIsRow) data[data.length - 1] = reading.beta;
  const check = checkSum(reading, finalNorm, accuracy, {
    sum: isCumulative(unit) ? data[data.length - 1] : data.reduce((sum, row) => sum + row, 0),
    rows: data,
    unwritten: betaIsRow ? reading.beta : 0,
    bias: betaIsRow ? reading.bias : reading.bias + reading.beta,
    forward: reading.forward(site),
    writes: model.writers.map((writer) => site.read(writer.hook)),
    x: site.read(finalNorm.inputHook),
    scale,
    output: site.read(finalNorm.outputHook),
    splitError: rows.splitError,
  });
  expectCheck(where, check);
  return {
    scores: { shape: [data.length / perLabel, ...within], data },
    ...(left && {
      leaveOneOut: {
        shape: [data.length],
        data: Float64Array.from(betaIsRow ? [...left, 0 - reading.beta] : left),
      },
    }),
    check,
  };
}

function withRoom(scores: Float64Array, more: number): Float64Array {
  const longer = new Float64Array(scores.length + more);
  longer.set(scores);
  return longer;
}

/** Cumulative rows have no place for one that nobody wrote: there beta counts as bias. A norm without beta needs none. */
export function addsBeta(model: Attributable, unit: Unit): boolean {
  return !model.compatibilityMode && model.finalNorm.beta !== null && !isCumulative(unit);
}

/** What rows and check are read from. */
export function neededHooks(model: Attributable, unit: Unit): { names: string[]; everyPos: string[] } {
  const { inputHook, scaleHook, outputHook } = model.finalNorm;
  const { hooks, everyPos } = rowHooks(model, unit);
  return { names: [...new Set([...hooks, inputHook, scaleHook, outputHook])], everyPos };
}
